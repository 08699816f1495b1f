/**
 * A real `millrace worker` process beside a broker of its own, for tests that kill the two apart. `kill` is SIGKILL;
 * `restart` starts it again with the same keys, and what it knew is in the broker.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'millrace');
const START_DEADLINE_MS = 60_000;
const NOTICE_CHARACTERS_MAX = 64 * 1024;

export interface WorkerProcess {
  /** `http://127.0.0.1:8083`; another port after `restart`. */
  readonly connect: string;
  /** The last notices on stderr, for a failed test's message. */
  readonly notices: () => string;
  kill(): Promise<void>;
  /** SIGSTOP: it stands still, like a machine that sleeps, until `wake`. */
  stall(): void;
  wake(): void;
  restart(): Promise<void>;
  /** Ends it and deletes its folder. */
  remove(): Promise<void>;
}

/** Starts a worker with these keys of Kafka Connect; resolves when it answers. */
export async function startWorkerProcess(keys: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-worker-'));
  const file = join(folder, 'worker.json');
  await writeFile(file, JSON.stringify(keys));
  let child: ChildProcess;
  let connect = '';
  let notices = '';
  const launch = async () => {
    const args = ['worker', '--config', file, '--connect-port', '0', '--output', 'json'];
    const launched = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child = launched;
    const killIt = () => launched.kill('SIGKILL');
    process.once('exit', killIt);
    launched.once('exit', () => process.off('exit', killIt));
    launched.stderr.setEncoding('utf8').on('data', (text: string) => {
      notices = (notices + text).slice(-NOTICE_CHARACTERS_MAX);
    });
    const late = setTimeout(killIt, START_DEADLINE_MS);
    const line = once(createInterface({ input: launched.stdout }), 'line').then(([text]) => String(text));
    const gone = once(launched, 'exit').then(() => null);
    const text = await Promise.race([line, gone]);
    clearTimeout(late);
    if (text === null) throw new Error(`millrace worker ended before it was ready:\n${notices}`);
    connect = (JSON.parse(text) as { connect: string }).connect;
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await launch();
  return {
    get connect() {
      return connect;
    },
    notices: () => notices,
    kill,
    stall: () => void child.kill('SIGSTOP'),
    wake: () => void child.kill('SIGCONT'),
    restart: launch,
    async remove() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
