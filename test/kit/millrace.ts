/**
 * A real Millrace process for tests, benches and the demo: started through the launcher, ready when it says so.
 *
 * Free ports and a temporary data directory by default. `kill` is SIGKILL and keeps the data, so that `start` again
 * continues with it; `stop` is SIGTERM; `remove` ends the process and deletes what this kit made.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'millrace');

/** Where a running Millrace answers: its ready line, as design.md section 2 writes it. */
export interface MillraceAddresses {
  /** `127.0.0.1:9092` */
  readonly kafka: string;
  /** `http://127.0.0.1:8083` */
  readonly connect: string;
  readonly registry: string;
  readonly console: string;
  /** From the process's start until everything answered, in milliseconds. */
  readonly startMs: number;
}

export interface MillraceOptions {
  /** Kept by `remove` when given. */
  readonly data?: string;
  /** Port flags; 0 (the default) picks a free one. After the first start the ports stay what they were. */
  readonly ports?: Partial<Record<'kafka' | 'connect' | 'registry' | 'console', number>>;
  /** More of `up`'s flags. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs another launcher: a packed one, for example. */
  readonly command?: string;
  readonly startDeadlineMs?: number;
}

export interface Millrace extends MillraceAddresses {
  readonly data: string;
  readonly pid: number;
  /** The last notices on stderr, for a failed test's message. */
  readonly notices: () => string;
  /** SIGKILL; resolves when the process is gone. The data stays. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  /** Starts again on the same data and ports after `kill` or `stop`. */
  restart(): Promise<void>;
  /** Resolves with the exit code (null after a signal) once the process has ended, whoever ended it. */
  ended(): Promise<number | null>;
  /** Ends the process and deletes the temporary directory. Safe to call twice. */
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const START_DEADLINE_MS = 60_000;
/** `up` promises to end itself within 10 s; as much more as a machine may stand still, then SIGKILL. */
const STOP_DEADLINE_MS = 60_000;
const NOTICE_CHARACTERS_MAX = 64 * 1024;

/** Starts `millrace up` and waits for its ready line. Rejects with its notices when it ends before that. */
export async function startMillrace(options: MillraceOptions = {}): Promise<Millrace> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'millrace-')));
  const own: Own = { data, child: null, notices: '', addresses: null };
  try {
    await launch(own, options);
  } catch (error) {
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
    throw error;
  }
  const remove = async () => {
    if (isRunning(own)) await end(own, 'SIGTERM');
    if (options.data === undefined) await rm(data, { recursive: true, force: true, maxRetries: 3 });
  };
  return {
    data,
    get pid() {
      return own.child!.pid!;
    },
    get kafka() {
      return own.addresses!.kafka;
    },
    get connect() {
      return own.addresses!.connect;
    },
    get registry() {
      return own.addresses!.registry;
    },
    get console() {
      return own.addresses!.console;
    },
    get startMs() {
      return own.addresses!.startMs;
    },
    notices: () => own.notices,
    kill: async () => void (await end(own, 'SIGKILL')),
    stop: () => end(own, 'SIGTERM'),
    restart: () => launch(own, options),
    ended: () => exitOf(own.child!),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

interface Own {
  readonly data: string;
  child: ChildProcess | null;
  notices: string;
  addresses: MillraceAddresses | null;
}

async function launch(own: Own, options: MillraceOptions): Promise<void> {
  const args = ['up', '--data', own.data, '--output', 'json', ...portFlags(own, options), ...(options.args ?? [])];
  const child = spawn(options.command ?? launcher, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  own.child = child;
  own.notices = '';
  // A test that dies must not leave a server behind.
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  child.once('exit', () => process.off('exit', killIt));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    own.notices = (own.notices + text).slice(-NOTICE_CHARACTERS_MAX);
  });
  own.addresses = await readyLine(own, child, options.startDeadlineMs ?? START_DEADLINE_MS);
}

function portFlags(own: Own, options: MillraceOptions): string[] {
  const before = own.addresses;
  const ports = {
    kafka: before === null ? (options.ports?.kafka ?? 0) : portOf(`tcp://${before.kafka}`),
    connect: before === null ? (options.ports?.connect ?? 0) : portOf(before.connect),
    registry: before === null ? (options.ports?.registry ?? 0) : portOf(before.registry),
    console: before === null ? (options.ports?.console ?? 0) : portOf(before.console),
  };
  return Object.entries(ports).flatMap(([name, port]) => [`--${name}-port`, String(port)]);
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function readyLine(own: Own, child: ChildProcess, deadlineMs: number): Promise<MillraceAddresses> {
  const lines = createInterface({ input: child.stdout! });
  const line = once(lines, 'line').then(([text]) => String(text));
  const gone = exitOf(child).then((code) => {
    throw new Error(`millrace up ended with ${code ?? child.signalCode} before it was ready:\n${own.notices}`);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`millrace up was not ready within ${deadlineMs} ms:\n${own.notices}`));
    }, deadlineMs);
  });
  try {
    return JSON.parse(await Promise.race([line, gone, late])) as MillraceAddresses;
  } finally {
    clearTimeout(timer);
    gone.catch(() => undefined);
  }
}

function isRunning(own: Own): boolean {
  return own.child !== null && own.child.exitCode === null && own.child.signalCode === null;
}

async function end(own: Own, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  const child = own.child!;
  if (!isRunning(own)) return child.exitCode;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  const code = await exitOf(child);
  clearTimeout(timer);
  return code;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** Creates a connector or changes its config; throws what the worker says against it. */
export async function putConnector(
  { connect }: Pick<Millrace, 'connect'>,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${connect}/connectors/${name}/config`, {
    method: 'PUT',
    headers,
    body: JSON.stringify(config),
  });
  if (!answer.ok) throw new Error(await answer.text());
}
