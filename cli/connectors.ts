/** What the `connector` commands share: the shapes of Kafka Connect's REST answers, and waiting for a state. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from './errors.ts';
import { request } from './rest.ts';

export interface ConnectorStatus {
  readonly name: string;
  readonly type: string;
  readonly connector: { readonly state: string; readonly worker_id: string; readonly trace?: string };
  readonly tasks: readonly {
    readonly id: number;
    readonly state: string;
    readonly worker_id: string;
    readonly trace?: string;
    /** What its plugin did wrong without failing: blocked the event loop, left something open. */
    readonly warnings?: readonly string[];
    /** What it counts and measures itself. */
    readonly figures?: Readonly<Record<string, number>>;
  }[];
}

export interface ConnectorInfo {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
}

const POLL_INTERVAL_MS = 100;

/** The path of a connector, and of something below it. */
export function pathOf(name: string, below = ''): string {
  return `connectors/${encodeURIComponent(name)}${below}`;
}

export async function statusOf(base: string, name: string): Promise<ConnectorStatus> {
  return (await request(base, 'GET', pathOf(name, '/status'))) as ConnectorStatus;
}

/** Waits until the connector and all its tasks are in `state`; fails at once when one of them is FAILED instead. */
export async function waitForState(base: string, name: string, state: string, timeoutSeconds: number): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const status = await statusOf(base, name).catch((error: unknown) => {
      // A connector that was created a moment ago has no status yet.
      if (error instanceof CliError && error.code === 'NOT_FOUND') return null;
      throw error;
    });
    const parts = status === null ? [] : [status.connector, ...status.tasks];
    if (parts.length > 1 && parts.every((part) => part.state === state)) return;
    const failed = parts.find((part) => part.state === 'FAILED');
    if (failed !== undefined && state !== 'FAILED') {
      throw new CliError('FAILED', `Connector ${name} failed: ${firstLine(failed.trace)}`, {
        next: `See the whole trace with: millrace connector status ${name} --output json`,
      });
    }
    if (Date.now() > deadline) {
      throw new CliError('TIMEOUT', `Connector ${name} was not ${state} within ${timeoutSeconds} s.`, {
        next: `Look at it with: millrace connector status ${name}`,
      });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

export function firstLine(trace: string | undefined): string {
  return (trace ?? 'no reason given').split('\n', 1)[0]!;
}

/** `--timeout` in seconds. */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new CliError('USAGE', `"${text}" is no number of seconds.`);
}
