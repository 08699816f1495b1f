/**
 * Records what the JDBC sinks of Debezium and Confluent make of the scenarios of test/kit/jdbc-sink-scenarios.ts. A
 * developer's script: the answers are checked in under test/golden/jdbc-sinks, the test that reads them needs no JVM.
 *
 *   node scripts/golden/record-jdbc-sinks.ts [--confluent <checkout of kafka-connect-jdbc>] [scenario…]
 *   node scripts/golden/record-jdbc-sinks.ts --ours      what ours makes of those where it differs on purpose
 *
 * Needs `java`, `javac` (17 or newer) and `mvn`. Confluent's sink is in no public Maven repository, so it is compiled from
 * its sources; without them its scenarios are left as they are, unless it was compiled before.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { differenceOf } from '../../test/kit/jdbc-sink-differences.ts';
import { comparable, writeSinkGolden } from '../../test/kit/jdbc-sink-golden.ts';
import { startOurs } from '../../test/kit/jdbc-sink-ours.ts';
import { type PutOutcome, playSinkScenario, type StartSink } from '../../test/kit/jdbc-sink-player.ts';
import { CONFLUENT_SINK } from '../../test/kit/jdbc-sink-records.ts';
import { jdbcSinkScenarios } from '../../test/kit/jdbc-sink-scenarios.ts';
import { startPostgres } from '../../test/kit/postgres.ts';

const root = path.join(import.meta.dirname, '..', '..');
const sources = path.join(import.meta.dirname, 'jdbc-sink');
const cache = path.join(root, '.cache', 'jdbc-sink');
const log = path.join(cache, 'sinks.log');
const classes = path.join(cache, 'classes');
const confluent = path.join(cache, 'confluent');

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}.`);
}

function compile(into: string, files: readonly string[]): void {
  fs.mkdirSync(into, { recursive: true });
  run('javac', ['-nowarn', '-Xlint:none', '-d', into, '-cp', `${cache}/lib/*`, ...files]);
}

function build(checkout: string | undefined): void {
  if (!fs.existsSync(path.join(cache, 'lib'))) {
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${cache}/lib`];
    run('mvn', ['-q', '-B', '-f', path.join(sources, 'pom.xml'), ...goal]);
  }
  compile(classes, [path.join(sources, 'SinkRecorder.java')]);
  if (checkout === undefined) return;
  const java = path.join(checkout, 'src', 'main', 'java');
  const files = fs.readdirSync(java, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.java'));
  compile(
    confluent,
    files.map((file) => path.join(java, file)),
  );
  fs.cpSync(path.join(checkout, 'src', 'main', 'resources'), confluent, { recursive: true });
}

/** One JVM for all scenarios; a command a line, an answer a line. */
class Jvm {
  readonly #child: ChildProcess;
  readonly #waiting: ((outcome: PutOutcome) => void)[] = [];

  constructor() {
    const options = ['-XX:TieredStopAtLevel=1', '-Duser.timezone=UTC', '-cp'];
    const path = `${classes}:${confluent}:${cache}/lib/*`;
    this.#child = spawn('java', [...options, path, 'SinkRecorder'], { stdio: ['pipe', 'pipe', fs.openSync(log, 'w')] });
    createInterface(this.#child.stdout!).on('line', (line) => this.#waiting.shift()!(JSON.parse(line) as PutOutcome));
  }

  ask(command: object): Promise<PutOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    });
  }

  end(): void {
    this.#child.stdin!.end();
  }
}

const args = process.argv.slice(2);
const isOurs = args[0] === '--ours';
const server = await startPostgres();
const database = await server.createDatabase();
try {
  await (isOurs ? recordOurs() : recordTheirs());
} finally {
  await server.stop();
}

async function recordOurs(): Promise<void> {
  for (const scenario of jdbcSinkScenarios) {
    if (differenceOf(scenario.name) === null) continue;
    writeSinkGolden(`ours/${scenario.name}`, comparable(await playSinkScenario(server, database, scenario, startOurs)));
  }
}

async function recordTheirs(): Promise<void> {
  const at = args.indexOf('--confluent');
  build(at < 0 ? undefined : args.splice(at, 2)[1]);
  const jvm = new Jvm();
  const start: StartSink = async (config, tolerates) => {
    const outcome = await jvm.ask({ start: { config, tolerates } });
    return {
      outcome,
      sink: { put: (put) => jvm.ask({ put }), stop: async () => void (await jvm.ask({ stop: true })) },
    };
  };
  for (const scenario of jdbcSinkScenarios) {
    if (args.length > 0 && !args.includes(scenario.name)) continue;
    if (scenario.connector === CONFLUENT_SINK && !fs.existsSync(confluent)) continue;
    const lines = await playSinkScenario(server, database, scenario, start);
    writeSinkGolden(scenario.name, lines);
    process.stdout.write(`${scenario.name}: ${lines.length} lines\n`);
  }
  jvm.end();
}
