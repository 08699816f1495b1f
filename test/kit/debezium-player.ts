/**
 * Plays one scenario to a recorder, be it Debezium or our source, and answers what came out in a form that can be compared:
 * clocks, positions and transaction ids replaced by zeros of their kind. For the differential test and its script.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DebeziumScenario } from './debezium-scenarios.ts';
import { type PostgresServer, sourceAddress } from './postgres.ts';

/** One record as Connect's JsonConverter writes it: payloads and schemas as JSON text, null where there is none. */
export interface RecordedRecord {
  readonly topic: string;
  readonly key: string | null;
  readonly keySchema: string | null;
  readonly value: string | null;
  readonly valueSchema: string | null;
  readonly headers: readonly {
    readonly name: string;
    readonly value: string | null;
    readonly valueSchema: string | null;
  }[];
}

/** Something that reads changes: started with a config, stopped when the scenario is over. */
export interface Recorder {
  readonly records: RecordedRecord[];
  /** Why it ended by itself, or null while it runs. */
  failure(): string | null;
  stop(): Promise<void>;
}

const DEADLINE_MS = 60_000;
const SETTLE_MS = 250;
const PREFIX = 'srv';
const END_TABLE = 'zz_end';

/**
 * Runs the scenario in a database of its own, waiting for the records of each step where `isSettling`. Throws when the last
 * row's record does not come.
 */
export async function playScenario(
  server: PostgresServer,
  scenario: DebeziumScenario,
  start: (config: Readonly<Record<string, string>>) => Promise<Recorder>,
  isSettling = scenario.isSettling === true,
  deadlineMs = DEADLINE_MS,
): Promise<RecordedRecord[]> {
  const database = await server.createDatabase();
  const client = await server.connect(database);
  await client.query(`CREATE TABLE ${END_TABLE} (id int PRIMARY KEY)`);
  await client.query(scenario.setup);
  const until = (recorder: Recorder, holds: () => boolean | Promise<boolean>, what: string) =>
    waitFor(recorder, holds, `${scenario.name}: ${what}`, deadlineMs);
  const recorder = await start({
    ...sourceAddress(server, database),
    'topic.prefix': PREFIX,
    'plugin.name': 'pgoutput',
    'slot.name': database,
    'slot.drop.on.stop': 'true',
    'poll.interval.ms': '10',
    ...scenario.config,
  });
  try {
    const streaming =
      'SELECT 1 FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_name = $1 AND r.state = $2';
    await until(
      recorder,
      async () => (await client.query(streaming, [database, 'streaming'])).rowCount === 1,
      'the stream to begin',
    );
    // A blocking snapshot calls itself an initial one, so a scenario with one begins without.
    let snapshots = 0;
    for (const step of scenario.steps) {
      const before = recorder.records.length;
      const wanted = /^\/\* until (\w+) \*\//.exec(step)?.[1];
      const toldBefore = told(recorder, wanted);
      await client.query(step);
      // Keys and defaults are asked of the catalogue of now, and the next step may be a change of the table.
      if (isSettling) await settled(recorder, before);
      if (wanted !== undefined) await until(recorder, () => told(recorder, wanted) > toldBefore, wanted);
      else if (step.includes('execute-snapshot')) {
        snapshots++;
        await until(recorder, () => snapshotsOver(recorder, scenario) >= snapshots, `snapshot ${snapshots}`);
      }
    }
    await client.query(`INSERT INTO ${END_TABLE} VALUES (1)`);
    await until(recorder, () => recorder.records.some(isEnd), `the last record, after ${recorder.records.length}`);
  } catch (error) {
    // What its stop says then is a consequence.
    await recorder.stop().catch(() => {});
    throw error;
  }
  await recorder.stop();
  await client.end();
  const last = recorder.records.findIndex(isEnd);
  return recorder.records.slice(0, last).map((record) => comparable(record, database));
}

/** Until a record came, or a moment long enough for one. */
async function settled(recorder: Recorder, before: number): Promise<void> {
  for (let waited = 0; waited < SETTLE_MS && recorder.records.length === before; waited += 5) await sleep(5);
}

/** How many notifications of this type came. */
function told({ records }: Recorder, type: string | undefined): number {
  return records.filter(({ topic, value }) => topic === 'notes' && value!.includes(`"type":"${type}"`)).length;
}

/** Those that a signal asked for and that told their end. */
function snapshotsOver({ records }: Recorder, { config }: DebeziumScenario): number {
  const isWithoutFirst = config?.['snapshot.mode'] === 'no_data';
  const ends = records.filter(({ value }) => value !== null && /"type":"COMPLETED"/.test(value));
  return ends.filter(({ value }) => isWithoutFirst || value!.includes('Incremental')).length;
}

function isEnd({ topic, value }: RecordedRecord): boolean {
  return topic.endsWith(END_TABLE) && value !== null && value.includes('"op":"c"');
}

async function waitFor(
  recorder: Recorder,
  holds: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs: number,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    const failure = recorder.failure();
    if (failure !== null) throw new Error(failure);
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms for ${what}.`);
    await sleep(5);
  }
}

/** The record without what differs from run to run; strings as JSON.stringify escapes them, numbers as written. */
function comparable(record: RecordedRecord, database: string): RecordedRecord {
  const clean = (text: string | null) =>
    text === null ? null : text.replaceAll(database, 'db').replace(VOLATILE, zeroed);
  return {
    ...record,
    key: record.key === null ? null : canonical(record.key).replace(VOLATILE, zeroed),
    // Defaults and labels: Jackson escapes a control character in capitals, JavaScript in small letters.
    keySchema: record.keySchema === null ? null : canonical(record.keySchema),
    valueSchema: record.valueSchema === null ? null : canonical(record.valueSchema),
    value: clean(record.value === null ? null : canonical(record.value)),
    headers: record.headers
      .filter(({ name }) => !name.startsWith('__debezium.context.'))
      .map((header) => ({ ...header, value: header.value === null ? null : canonical(header.value) })),
  };
}

const VOLATILE =
  /"(version|ts_ms|ts_us|ts_ns|timestamp|txId|lsn|xmin|origin_lsn)":("[^"]*"|\d+)|"sequence":"\[[^\]]*\]"|"id":"\d+:\d+"|"id":"[0-9a-f]{8}-[0-9a-f-]{27}"|"snapshot":null|"data_collection":"[\w.]*LogicalDecodingMessage[^"]*"/g;

function zeroed(member: string): string {
  // Debezium writes the address of a Java object.
  if (member.startsWith('"data_collection"')) return '"data_collection":"message"';
  // What Kafka Connect's converter makes of it by default: nobody set it, and "false" is its default.
  if (member === '"snapshot":null') return '"snapshot":"false"';
  if (member.startsWith('"sequence"')) return member.replace(/\d+/g, '0');
  return member.replace(/:(\d+|".*")$/, (value) => (value.startsWith(':"') ? ':"-"' : ':0'));
}

const STRING = /"(?:[^"\\]|\\.)*"/g;

/** The same JSON with every string escaped alike; numbers, order and all else stay as they are. */
function canonical(json: string): string {
  return json.replace(STRING, (text) => JSON.stringify(JSON.parse(text)));
}
