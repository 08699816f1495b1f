/**
 * Puts on the server what change capture needs and may create: the publication. Finds out how the slot stands.
 */
import { ConfigError, ConnectError, type Logger, RetriableError } from '../api/index.ts';
import { type CatalogTable, listTables, publishedTables, readTables } from './catalog.ts';
import { parseLsn } from './pgoutput.ts';
import { createSql, qualified } from './preflight.ts';
import { ReplicationClient } from './replication-client.ts';
import type { SnapshotTable } from './snapshot-plan.ts';
import type { SourceSettings } from './source-config.ts';
import { quoteIdentifier, quoteLiteral, WireConnection, type WireOptions } from './wire/connection.ts';

/** How a session must write values for the type table to read them. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  application_name: 'millrace',
  bytea_output: 'hex',
  datestyle: 'ISO, YMD',
  extra_float_digits: '3',
  idle_in_transaction_session_timeout: '0',
  intervalstyle: 'postgres',
  lc_monetary: 'C',
  statement_timeout: '0',
  timezone: 'UTC',
};

const CONNECT_TIMEOUT_MS = 10_000;

/** A plain connection as the settings say; `name` shows in pg_stat_activity. */
export function wireOptions(settings: SourceSettings, name: string): WireOptions {
  const { database } = settings;
  return {
    ...database,
    settings: { ...SESSION_SETTINGS, application_name: `millrace ${name}` },
    replication: false,
    timeoutMs: CONNECT_TIMEOUT_MS,
    queuedBytesMax: settings.queueBytesMax,
  };
}

/** Opens a plain connection and runs the user's own statements on it. */
export async function openSession(settings: SourceSettings, name: string): Promise<WireConnection> {
  const connection = await WireConnection.open(wireOptions(settings, name));
  try {
    for (const statement of settings.database.initialStatements) await connection.query(statement);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** The same in a transaction that sees an exported snapshot, or a moment of its own. */
export async function openSnapshotSession(
  settings: SourceSettings,
  name: string,
  snapshot: string | null,
): Promise<WireConnection> {
  const connection = await openSession(settings, name);
  try {
    await connection.query(BEGIN);
    if (snapshot !== null) await connection.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** Creates or completes the publication as `publication.autocreate.mode` says. */
export async function ensurePublication(connection: WireConnection, settings: SourceSettings): Promise<void> {
  const { publication, filters } = settings;
  if (publication.mode === 'disabled') return;
  const name = quoteIdentifier(publication.name);
  const withRoot = publication.viaRoot ? ' WITH (publish_via_partition_root = true)' : '';
  const [found] = await connection.query(
    `SELECT puballtables FROM pg_publication WHERE pubname = ${quoteLiteral(publication.name)}`,
  );
  if (publication.mode !== 'filtered') {
    const what = publication.mode === 'all_tables' ? ' FOR ALL TABLES' : '';
    if (found === undefined) await connection.query(`CREATE PUBLICATION ${name}${what}${withRoot}`);
    return;
  }
  const wanted = (await listTables(connection, publication.viaRoot)).filter((table) =>
    filters.table(table.schema, table.name),
  );
  if (found === undefined) {
    await connection.query(createSql(publication.name, wanted).replace(/;$/, withRoot));
    return;
  }
  if (found.puballtables === 't') return;
  const published = new Set((await publishedTables(connection, publication.name)).map((table) => table.oid));
  const missing = wanted.filter((table) => !published.has(table.oid));
  if (missing.length > 0) {
    await connection.query(`ALTER PUBLICATION ${name} ADD TABLE ${missing.map(qualified).join(', ')}`);
  }
}

/**
 * Publishes tables that appeared since and that the filters want (`publication.autocreate.mode=filtered` only), and answers
 * them. Postgres would refuse updates of a published table without identity, so such a table is left out.
 */
export async function publishNewTables(connection: WireConnection, settings: SourceSettings): Promise<CatalogTable[]> {
  const { publication, filters } = settings;
  if (publication.mode !== 'filtered') return [];
  const published = new Set((await publishedTables(connection, publication.name)).map((table) => table.oid));
  const wanted = (await listTables(connection, publication.viaRoot)).filter(
    ({ oid, schema, name }) => !published.has(oid) && filters.table(schema, name),
  );
  const tables = await readTables(
    connection,
    wanted.map((table) => table.oid),
  );
  const fit = tables.filter(({ replicaIdentity, primaryKey }) => replicaIdentity === 'd' && primaryKey.length > 0);
  if (fit.length === 0) return [];
  const name = quoteIdentifier(publication.name);
  await connection.query(`ALTER PUBLICATION ${name} ADD TABLE ${fit.map(qualified).join(', ')}`);
  return fit;
}

/**
 * The captured tables that a snapshot reads: published, and wanted by the filters, in the order of the filters. `wants` takes
 * the place of `snapshot.include.collection.list`.
 */
export async function snapshotTables(
  connection: WireConnection,
  settings: SourceSettings,
  wants?: (table: string) => boolean,
): Promise<SnapshotTable[]> {
  const { filters, publication, signalTable, snapshot } = settings;
  const published = (await publishedTables(connection, publication.name)).filter(({ schema, name }) => {
    const isWanted = wants?.(`${schema}.${name}`) ?? filters.snapshot(schema, name);
    return isWanted && filters.table(schema, name) && `${schema}.${name}` !== signalTable;
  });
  const tables = await readTables(
    connection,
    published.map((table) => table.oid),
  );
  const sizes = await tableSizes(connection, tables);
  return tables
    .map((table) => {
      const { columns, rowFilter } = published.find(({ oid }) => oid === table.oid)!;
      const select = snapshot.selects.get(`${table.schema}.${table.name}`) ?? null;
      return { table, columns, rowFilter, select, ...sizes.get(table.oid)! };
    })
    .sort((a, b) => filters.rank(a.table.schema, a.table.name) - filters.rank(b.table.schema, b.table.name));
}

async function tableSizes(connection: WireConnection, tables: readonly CatalogTable[]) {
  const oids = tables.map((table) => table.oid).join(',') || '0';
  const rows = await connection.query(
    `SELECT oid, pg_relation_size(oid) / current_setting('block_size')::int AS pages, greatest(reltuples, 0)::bigint AS rows
     FROM pg_class WHERE oid IN (${oids})`,
  );
  return new Map(rows.map((row) => [Number(row.oid), { pages: Number(row.pages), rows: Number(row.rows) }]));
}

/** The tables of the publication that the filters want, as the catalogue has them now. */
export async function capturedTables(connection: WireConnection, settings: SourceSettings): Promise<CatalogTable[]> {
  const published = await publishedTables(connection, settings.publication.name);
  const wanted = published.filter(({ schema, name }) => settings.filters.table(schema, name));
  return readTables(
    connection,
    wanted.map((table) => table.oid),
  );
}

/** Says that more tables are captured than `guardrail.collections.max` allows, or throws ConfigError where that is wanted. */
export function checkCount(count: number, { count: max, isError }: SourceSettings['tablesMax'], logger: Logger): void {
  if (max === 0 || count <= max) return;
  const message = `${count} tables are captured, and guardrail.collections.max is ${max}. Narrow table.include.list, or raise the limit.`;
  if (isError)
    throw new ConfigError([{ key: 'guardrail.collections.max', value: String(max), message }], { code: 'PG_SETUP' });
  logger.warn({ tables: count, max }, message);
}

/** Sets the replica identities that `replica.identity.autoset.values` asks for. */
export async function setIdentities(connection: WireConnection, settings: SourceSettings): Promise<void> {
  if (settings.identities.length === 0) return;
  const words: Readonly<Record<string, string>> = { DEFAULT: 'd', FULL: 'f', NOTHING: 'n' };
  for (const { oid, schema, name } of await listTables(connection, settings.publication.viaRoot)) {
    const rule = settings.identities.find(({ table }) => table.test(`${schema}.${name}`));
    if (rule === undefined || !settings.filters.table(schema, name)) continue;
    const [table] = await readTables(connection, [oid]);
    const index = /^INDEX\s+(.+)$/i.exec(rule.identity)?.[1];
    const wanted = index === undefined ? words[rule.identity.toUpperCase()] : 'i';
    if (table === undefined || (index === undefined && table.replicaIdentity === wanted)) continue;
    const identity = index === undefined ? rule.identity.toUpperCase() : `USING INDEX ${quoteIdentifier(index)}`;
    await connection.query(`ALTER TABLE ${qualified({ schema, name })} REPLICA IDENTITY ${identity}`);
  }
}

/** The slot as it stands, or null where there is none. */
export interface SlotState {
  readonly confirmedLsn: number;
}

/** Throws RetriableError, naming the holder, while somebody else reads the slot. */
export async function readSlot(connection: WireConnection, settings: SourceSettings): Promise<SlotState | null> {
  const { name } = settings.slot;
  const [slot] = await connection.query(
    `SELECT s.active_pid, s.confirmed_flush_lsn, a.application_name, a.usename, host(a.client_addr) AS client
     FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
     WHERE s.slot_name = ${quoteLiteral(name)}`,
  );
  if (slot === undefined) return null;
  if (slot.active_pid !== null) {
    const holder = `process ${slot.active_pid} ("${slot.application_name}", user ${slot.usename}, from ${slot.client ?? 'the same machine'})`;
    throw new RetriableError(
      `The replication slot "${name}" is in use by ${holder}. Waiting for it; stop that reader, give this connector another slot.name, or end it with: SELECT pg_terminate_backend(${slot.active_pid});`,
      { code: 'PG_SLOT_IN_USE' },
    );
  }
  return { confirmedLsn: slot.confirmed_flush_lsn === null ? 0 : parseLsn(slot.confirmed_flush_lsn!) };
}

/** Drops the slot, which is to be there and read by nobody. */
export async function dropSlot(settings: SourceSettings): Promise<void> {
  const client = await ReplicationClient.open(wireOptions(settings, 'drop slot'));
  await client.dropSlot(settings.slot.name);
  await client.close();
}

/** The error for a stored position whose slot is gone: changes in between were not kept for us. */
export function slotLost(settings: SourceSettings): ConnectError {
  const { name } = settings.slot;
  return new ConnectError(
    `The replication slot "${name}" does not exist any more, so the changes since the stored position are lost. Set snapshot.mode to when_needed to read all rows again, or delete the connector's offsets to begin anew.`,
    { code: 'PG_SLOT_LOST' },
  );
}
