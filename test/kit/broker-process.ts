/**
 * The broker as a process of its own, for tests that kill it or weigh it: what a test allocates is not counted, and what
 * it kills is not itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BrokerAddress } from '../../broker/broker.ts';

const script = fileURLToPath(new URL('../crash/broker-process.ts', import.meta.url));

export interface BrokerProcess {
  readonly address: BrokerAddress;
  /** From the start of the process until it listens. */
  readonly startMs: number;
  /** Resident memory, in MiB. */
  rssMiB(): number;
  kill(): Promise<void>;
}

/** `port` 0 is a free one; `config` holds the broker's keys. */
export async function startBrokerProcess(
  dataDir: string,
  port = 0,
  config: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  const started = performance.now();
  const args = [script, dataDir, String(port), JSON.stringify(config)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // Its warnings are expected here; read, so that it never waits for us.
  child.stderr!.resume();
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const startMs = performance.now() - started;
  return {
    address: { host: '127.0.0.1', port: Number(line.toString()) },
    startMs,
    rssMiB: () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)]).toString()) / 1024,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
