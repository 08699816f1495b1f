/**
 * Three questions about the process: does it live, may it be sent work, and how is each part of it.
 *
 * `/livez` never fails for a connector: a probe that restarts the process for one bad task takes the others with it.
 */
import { type Answer, json, plain, withDeadline } from './http.ts';
import type { HealthCheck } from './ports.ts';

export interface HealthSource {
  readonly health: () => readonly HealthCheck[] | Promise<readonly HealthCheck[]>;
  readonly version: string;
  readonly startedAt: number;
  readonly now: () => number;
}

/** Answering is the proof. */
export function livez(): Answer {
  return plain(200, 'ok\n');
}

/** 200 once every part that must be there is, else 503 with what is waited for. */
export async function readyz(source: HealthSource): Promise<Answer> {
  const checks = await checksOf(source);
  const waitingFor = checks.filter((check) => isRequired(check) && !works(check));
  return json(waitingFor.length === 0 ? 200 : 503, { ready: waitingFor.length === 0, waitingFor });
}

/** Everything: each part with its state and a sentence, and the process itself. */
export async function health(source: HealthSource): Promise<Answer> {
  const checks = await checksOf(source);
  const status = overall(checks);
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return json(status === 'down' ? 503 : 200, {
    status,
    version: source.version,
    uptimeMs: source.now() - source.startedAt,
    checks,
    process: {
      pid: process.pid,
      node: process.version,
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
    },
  });
}

async function checksOf(source: HealthSource): Promise<readonly HealthCheck[]> {
  try {
    return await withDeadline(source.health(), 'The health of the process');
  } catch (error) {
    return [{ name: 'health', status: 'down', detail: (error as Error).message }];
  }
}

function overall(checks: readonly HealthCheck[]): 'up' | 'degraded' | 'down' {
  if (checks.some((check) => isRequired(check) && !works(check))) return 'down';
  return checks.every(({ status }) => status === 'up') ? 'up' : 'degraded';
}

function isRequired(check: HealthCheck): boolean {
  return check.isRequired ?? true;
}

function works({ status }: HealthCheck): boolean {
  return status === 'up' || status === 'degraded';
}
