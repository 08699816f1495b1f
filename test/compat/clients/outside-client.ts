/**
 * Runs one outside client through the scenarios, each in a process of its own, against one real broker.
 *
 * The clients come from their registries by scripts/compat-install.sh. Where one is not installed its tests are listed
 * skips, which `CI_REQUIRE=<name>` turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { startTestBroker } from '../../kit/broker.ts';
import { skipUnlessInstalled } from './installed.ts';
import { scenarios } from './scenarios.ts';

export interface OutsideClient {
  readonly name: string;
  /** As CI_REQUIRE names it. */
  readonly requiredAs: string;
  /** What runs a scenario; bootstrap address and scenario are appended. */
  readonly command: readonly [string, ...string[]];
  /** Is there when it is installed. */
  readonly installed: string;
  /** Scenarios that this client cannot do with any broker, and why. */
  readonly lacks?: Readonly<Record<string, string>>;
}

/** The programs give up after 90 s themselves, and say what they waited for. */
const deadlineMs = 150_000;

export async function examine(client: OutsideClient): Promise<void> {
  const { name, requiredAs, lacks = {} } = client;
  const skip = skipUnlessInstalled(requiredAs, client.installed);
  const { bootstrap } = await startTestBroker({ after });
  describe(name, () => {
    for (const scenario of scenarios) {
      if (scenario.name in lacks) continue;
      test(scenario.says, { skip }, async () => {
        const { code, output } = await run([...client.command, bootstrap, scenario.name]);
        assert.equal(code, 0, output);
      });
    }
  });
}

/** Runs a program to its end, or its deadline; answers what it printed on either stream. */
export function run([program, ...args]: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { timeout: deadlineMs, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
