/**
 * Plays one scenario to a JDBC sink, be it one of the originals or ours, and answers what it made of the target as lines
 * that can be compared: tables with their columns and keys, rows, and which puts were refused. For the differential test and
 * its script (scripts/golden/record-jdbc-sinks.ts).
 */
import type { Client } from 'pg';
import type { PlayedRecord, SinkScenario } from './jdbc-sink-records.ts';
import type { PostgresServer } from './postgres.ts';

/** What a put (or the start) came to. */
export interface PutOutcome {
  /** Why it was refused, or null. */
  readonly error: string | null;
  /** Offsets of the records that were handed to the error policy. */
  readonly bad: readonly number[];
}

/** A sink that is running. */
export interface PlayedSink {
  put(records: readonly PlayedRecord[]): Promise<PutOutcome>;
  stop(): Promise<void>;
}

/** Starts a sink; an error of the start is its first outcome. */
export type StartSink = (
  config: Readonly<Record<string, string>>,
  tolerates: boolean,
) => Promise<{ readonly sink: PlayedSink; readonly outcome: PutOutcome }>;

/** Runs the scenario in this database, which it empties first. */
export async function playSinkScenario(
  server: PostgresServer,
  database: string,
  scenario: SinkScenario,
  start: StartSink,
): Promise<string[]> {
  const client = await server.connect(database);
  try {
    await client.query('DROP SCHEMA IF EXISTS other, public CASCADE; CREATE SCHEMA public');
    if (scenario.setup) await client.query(scenario.setup);
    const lines: string[] = [];
    const { sink, outcome } = await start(configOf(server, database, scenario), scenario.tolerates === true);
    lines.push(...outcomeLines('start', outcome));
    if (outcome.error === null) {
      for (const [index, records] of scenario.puts.entries()) {
        const { error, bad } = await sink.put(records);
        const places = bad.map((offset) => records.findIndex((each) => each.offset === offset) + 1);
        lines.push(...outcomeLines(`put ${index + 1}`, { error, bad: places }));
      }
    }
    await sink.stop();
    return [...lines, ...(await describeTables(client))];
  } finally {
    await client.end();
  }
}

function configOf({ host, port, user, password }: PostgresServer, database: string, scenario: SinkScenario) {
  const topics = [...new Set(scenario.puts.flat().map(({ topic }) => topic))].join();
  return {
    'connector.class': scenario.connector,
    topics: topics === '' ? 't' : topics,
    'connection.url': `jdbc:postgresql://${host}:${port}/${database}${scenario.urlParameters ?? ''}`,
    [scenario.connector.startsWith('io.debezium') ? 'connection.username' : 'connection.user']: user,
    'connection.password': password,
    ...scenario.config,
  };
}

function outcomeLines(what: string, { error, bad }: PutOutcome): string[] {
  const refused = error === null ? [] : [`${what} refused: ${error.replaceAll(/\s+/g, ' ').slice(0, 300)}`];
  return bad.length === 0 ? refused : [...refused, `${what} bad: ${bad.join(' ')}`];
}

/** Ours keeps its offsets there. */
const OFFSETS = 'millrace_offsets';

/** Every table of the database as lines, the same for the same tables. */
export async function describeTables(client: Client): Promise<string[]> {
  await client.query("SET TimeZone TO 'UTC'; SET IntervalStyle TO 'postgres'; SET search_path TO public");
  const { rows } = await client.query<{ name: string; oid: number }>(
    `SELECT format('%I.%I', nspname, relname) AS name, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e') ORDER BY 1`,
  );
  const lines: string[] = [];
  for (const { name, oid } of rows) {
    if (!name.endsWith(`.${OFFSETS}`)) lines.push(...(await describeTable(client, name.replace(/^public\./, ''), oid)));
  }
  return lines;
}

async function describeTable(client: Client, name: string, oid: number): Promise<string[]> {
  const columns = await client.query<{ line: string }>(
    `SELECT format('%I %s%s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END,
       ' DEFAULT ' || pg_get_expr(adbin, adrelid)) AS line
     FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attname`,
    [oid],
  );
  const keys = await client.query<{ line: string }>(
    `SELECT pg_get_constraintdef(oid) AS line FROM pg_constraint WHERE conrelid = $1 AND contype IN ('p', 'u') ORDER BY 1`,
    [oid],
  );
  const values = await client.query<{ line: string }>(
    `SELECT (SELECT json_object_agg(key, value ORDER BY key) FROM json_each(row_to_json("the row")))::text AS line FROM ${name} "the row" ORDER BY 1`,
  );
  return [
    `table ${name}`,
    ...columns.rows.map(({ line }) => `  column ${line}`),
    ...keys.rows.map(({ line }) => `  ${line}`),
    ...values.rows.map(({ line }) => `  row ${line}`),
  ];
}
