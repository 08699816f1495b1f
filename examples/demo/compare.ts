/**
 * Compares both ends of each flow by content: what went in against what came out, and what is missing, different or
 * there without having been sent.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import type { StoredRecord } from '../../cli/record-json.ts';
import type { GpsReport } from '../../connectors/sim/fleet.ts';
import type { Verdict } from '../../connectors/sim/verifier.ts';
import type { Reported } from './fleet.ts';
import type { Services } from './services.ts';
import { command } from './setup.ts';
import { SHOP_TABLES } from './story.ts';
import type { Till } from './till.ts';

/** One line of the final table. */
export interface Comparison {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  readonly missing: number;
  /** There, but not as it was sent. */
  readonly different: number;
  /** There although nobody sent it. */
  readonly unexpected: number;
  /** Seen more than once where the guarantee allows that. */
  readonly duplicates: number;
  /** The first thing that is wrong, for whoever must find out. */
  readonly example: string;
}

export function isEqual(comparison: Comparison): boolean {
  return comparison.missing + comparison.different + comparison.unexpected === 0;
}

/** Compares two keyed sets by the text of their values. */
export function compareByKey(
  what: string,
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  duplicates = 0,
): Comparison {
  const missing = [...expected.keys()].filter((key) => !found.has(key));
  const unexpected = [...found.keys()].filter((key) => !expected.has(key));
  const different = [...expected].filter(([key, value]) => found.has(key) && found.get(key) !== value);
  const [first] = different;
  const example =
    first !== undefined
      ? `${first[0]}: expected ${first[1]}, found ${found.get(first[0])}`
      : [
          ...missing.slice(0, 1).map((key) => `missing ${key}`),
          ...unexpected.slice(0, 1).map((key) => `nobody sent ${key}`),
        ].join('; ');
  return {
    what,
    expected: expected.size,
    found: found.size,
    missing: missing.length,
    different: different.length,
    unexpected: unexpected.length,
    duplicates,
    example: example.slice(0, 300),
  };
}

/** Flow (a): every row of every table, column by column, a column that was added later among them. */
export async function compareShop(source: pg.Client, replica: pg.Client): Promise<Comparison[]> {
  const comparisons = [];
  for (const table of SHOP_TABLES) {
    const columns = await columnsOf(source, table);
    const isThere = (await columnsOf(replica, table)).length >= columns.length;
    const found = isThere ? await rows(replica, table, columns) : new Map<string, string>();
    comparisons.push(compareByKey(`${table}: rows`, await rows(source, table, columns), found));
  }
  return comparisons;
}

interface Column {
  readonly name: string;
  readonly type: string;
}

async function columnsOf(client: pg.Client, table: string): Promise<Column[]> {
  const { rows: columns } = await client.query<Column>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return columns;
}

/** By the first column, which is the key; values as the source's types write them, long ones as a hash. */
async function rows(client: pg.Client, table: string, columns: readonly Column[]): Promise<Map<string, string>> {
  const list = columns.map(({ name, type }) => {
    const text = `${name}::${type}::text`;
    return `CASE WHEN length(${text}) > 1000 THEN md5(${text}) ELSE ${text} END`;
  });
  const { rows: found } = await client.query<string[]>({
    text: `SELECT ${list.join(', ')} FROM ${table}`,
    rowMode: 'array',
  });
  return new Map(found.map((row) => [row[0]!, JSON.stringify(row)]));
}

/** Flow (b): every good report in the topic, every bad one among the dead letters, the last position of each truck. */
export async function compareTrucks(services: Services, reported: Reported, replica: pg.Client): Promise<Comparison[]> {
  const stored = await allRecords(services.millrace.kafka, 'trucks_gps');
  const dead = await allRecords(services.millrace.kafka, 'trucks_gps_dlq');
  const good = new Map<string, string>();
  for (const { value } of stored) {
    // Confluent's wire format: magic byte 0, four bytes of schema id, then the JSON.
    const report = JSON.parse(Buffer.from(value!).toString('utf8', 5)) as GpsReport;
    good.set(`${report.id}#${report.seq}`, canonical(report));
  }
  const sent = new Map([...reported.good].map(([key, payload]) => [key, canonical(JSON.parse(payload))]));
  const bad = new Map(dead.map(({ value }) => [Buffer.from(value ?? []).toString(), causeOf(dead)]));
  const sentBad = new Map([...reported.bad.values()].map((payload) => [payload, 'has a cause']));
  return [
    compareByKey('trucks_gps: good reports', sent, good, stored.length - good.size),
    compareByKey('trucks_gps_dlq: bad reports', sentBad, bad, dead.length - bad.size),
    compareByKey('truck_positions: last per truck', lastPositions(reported), await positions(replica)),
  ];
}

/** Every dead letter must say why it is one. */
function causeOf(records: readonly StoredRecord[]): string {
  const silent = records.filter(
    ({ headers }) => !headers.some(({ key, value }) => key === '__connect.errors.exception.message' && value !== null),
  );
  return silent.length === 0 ? 'has a cause' : 'has no cause';
}

function lastPositions({ last }: Reported): Map<string, string> {
  return new Map([...last].map(([id, { lat, long, seq }]) => [id, canonical({ id, lat, long, seq })]));
}

async function positions(replica: pg.Client): Promise<Map<string, string>> {
  const { rows: exists } = await replica.query("SELECT to_regclass('truck_positions') AS found");
  if (exists[0]?.found === null) return new Map();
  const { rows: found } = await replica.query<{ id: string; lat: number; long: number; seq: string }>(
    'SELECT id, lat::float8, long::float8, seq::text FROM truck_positions',
  );
  return new Map(found.map(({ id, lat, long, seq }) => [id, canonical({ id, lat, long, seq: Number(seq) })]));
}

/** The simulator's own judge, asked as anybody would ask it: is each truck's every report in the topic or a dead letter? */
export async function verifyTrucks({ millrace }: Services, trucks: number, reports: number): Promise<Comparison> {
  const topics = ['-t', 'trucks_gps', '-t', 'trucks_gps_dlq', '-b', millrace.kafka];
  const whole = ['--trucks', String(trucks), '--reports', String(reports)];
  // Trucks report late and twice on purpose; what is missing makes the command fail, and then it says what.
  const allowed = ['--allow', 'duplicates,disorder', '--output', 'json'];
  const what = 'millrace sim verify';
  const expected = trucks * reports;
  try {
    const verdict = JSON.parse(await command(['sim', 'verify', ...topics, ...whole, ...allowed])) as Verdict;
    const { reports: found, missing, unreadable, duplicates } = verdict;
    return { what, expected, found, missing, different: 0, unexpected: unreadable, duplicates, example: '' };
  } catch (error) {
    const example = (error as Error).message;
    return { what, expected, found: 0, missing: expected, different: 0, unexpected: 0, duplicates: 0, example };
  }
}

/** Flow (c): every sale in the JSON Lines file, every torn line among the dead letters. */
export async function compareSales(services: Services, till: Till): Promise<Comparison[]> {
  const text = await readFile(join(services.outbox, 'sales.jsonl'), 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  const found = new Map(lines.map((line) => saleOf(line)));
  const expected = new Map([...till.sales].map(([receipt, sale]) => [receipt, canonical(sale)]));
  const dead = await allRecords(services.millrace.kafka, 'sales_dlq');
  const torn = new Map(
    dead.map(({ value }) => [
      Buffer.from(value ?? [])
        .toString()
        .trimEnd(),
      causeOf(dead),
    ]),
  );
  const spoiled = new Map(till.spoiled.map((line) => [line, 'has a cause']));
  return [
    compareByKey('sales.jsonl: lines', expected, found, lines.length - found.size),
    compareByKey('sales_dlq: torn lines', spoiled, torn, dead.length - torn.size),
  ];
}

function saleOf(line: string): [string, string] {
  try {
    const sale = JSON.parse(line) as { receipt: string };
    return [sale.receipt, canonical(sale)];
  } catch {
    return [`not JSON: ${line.slice(0, 60)}`, ''];
  }
}

/** JSON with its members in order, so that equal content is equal text. */
function canonical(object: object): string {
  return JSON.stringify(object, Object.keys(object).sort());
}

async function allRecords(kafka: string, topic: string): Promise<StoredRecord[]> {
  return withCluster({ brokers: kafka }, async (cluster) => {
    const known = await cluster.topics();
    const metadata = known.find((candidate) => candidate.topic === topic);
    if (metadata === undefined) return [];
    const partitions = metadata.partitions.map(({ partition }) => partition);
    const from = await cluster.offsetsAt(metadata, partitions, -2);
    const until = await cluster.offsetsAt(metadata, partitions, -1);
    const records: StoredRecord[] = [];
    for await (const some of readTopic(cluster, { topic: metadata, from, until })) records.push(...some);
    return records;
  });
}
