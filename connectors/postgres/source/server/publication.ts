/**
 * Makes and completes the publication and the replica identities that the connector's keys ask for, and says which tables are captured.
 */
import { ConfigError, type Logger } from '../../../api/index.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import {
  type CatalogTable,
  listTables,
  nameOf,
  publishedTables,
  type QualifiedName,
  qualified,
  readTables,
} from '../tables/catalog.ts';

/** The statement that publishes these tables. */
export function createSql(publication: string, tables: readonly QualifiedName[]): string {
  return `CREATE PUBLICATION ${quoteIdentifier(publication)} FOR TABLE ${tables.map(qualified).join(', ')};`;
}

/**
 * Creates or completes the publication as `publication.autocreate.mode` says, says what it changed, and answers the tables that stay
 * out of it.
 */
export async function ensurePublication(
  connection: WireConnection,
  settings: SourceSettings,
  logger: Logger,
): Promise<Unfit> {
  const { publication, filters } = settings;
  if (publication.mode === 'disabled') return [];
  const run = (sql: string) => change(connection, sql, logger);
  const name = quoteIdentifier(publication.name);
  const withRoot = publication.viaRoot ? ' WITH (publish_via_partition_root = true)' : '';
  const isForAll = await isForAllTables(connection, publication.name);
  if (publication.mode !== 'filtered') {
    const what = publication.mode === 'all_tables' ? ' FOR ALL TABLES' : '';
    if (isForAll === null) await run(`CREATE PUBLICATION ${name}${what}${withRoot}`);
    return [];
  }
  const wanted = (await listTables(connection, publication.viaRoot)).filter((table) =>
    filters.table(table.schema, table.name),
  );
  if (isForAll === null) {
    await run(createSql(publication.name, wanted).replace(/;$/, withRoot));
    return [];
  }
  if (isForAll) return [];
  return publishNewTables(connection, settings, logger);
}

/** Tables that the filters want and that stay out of the publication, each with why and what helps. */
export type Unfit = readonly { readonly table: string; readonly why: string }[];

/**
 * Publishes tables that appeared since and that the filters want (`publication.autocreate.mode=filtered` only), and answers
 * those that cannot be: Postgres would refuse updates of a published table without identity, or does not let us publish it.
 */
export async function publishNewTables(
  connection: WireConnection,
  settings: SourceSettings,
  logger: Logger | null,
): Promise<Unfit> {
  const { publication, filters } = settings;
  if (publication.mode !== 'filtered') return [];
  const published = new Set((await publishedTables(connection, publication.name)).map((table) => table.oid));
  const wanted = (await listTables(connection, publication.viaRoot)).filter(
    ({ oid, schema, name }) => !published.has(oid) && filters.table(schema, name),
  );
  if (wanted.length === 0) return [];
  const oids = wanted.map((table) => table.oid);
  const adding = `ALTER PUBLICATION ${quoteIdentifier(publication.name)} ADD TABLE `;
  const others = await tablesOfOthers(connection, oids);
  const onPrimary = (await isStandby(connection)) ? adding : null;
  const obstacles = (await readTables(connection, oids)).map((table) => {
    return { table, why: obstacleOf(table, others, onPrimary) };
  });
  const fit = obstacles.flatMap(({ table, why }) => (why === null ? [table] : []));
  if (fit.length > 0) await change(connection, `${adding}${fit.map(qualified).join(', ')};`, logger);
  return obstacles.flatMap(({ table, why }) => (why === null ? [] : [{ table: nameOf(table), why }]));
}

/** Whether all tables are in the publication, now and later; null where it is not there. */
export async function isForAllTables(connection: WireConnection, publication: string): Promise<boolean | null> {
  const sql = `SELECT puballtables FROM pg_publication WHERE pubname = ${quoteLiteral(publication)}`;
  const [found] = await connection.query(sql);
  return found === undefined ? null : found.puballtables === 't';
}

/** What is written into somebody's database is said. */
async function change(connection: WireConnection, sql: string, logger: Logger | null): Promise<void> {
  await connection.query(sql);
  logger?.info({}, `Changed the database: ${sql.replace(/;?$/, ';')}`);
}

/** `onPrimary`: the statement to run there, where this is a standby. */
function obstacleOf(table: CatalogTable, others: ReadonlySet<number>, onPrimary: string | null): string | null {
  if (isUnidentified(table)) {
    return `has no primary key and no replica identity. Add a primary key, or run: ALTER TABLE ${qualified(table)} REPLICA IDENTITY FULL;`;
  }
  if (onPrimary !== null)
    return `is not published, and a standby takes no writes. Run on its primary: ${onPrimary}${qualified(table)};`;
  if (!others.has(table.oid)) return null;
  return 'belongs to somebody else, and only its owner may publish it. Make its owner a role that this user is a member of.';
}

/** Whether Postgres refuses UPDATE and DELETE of its rows once it is published. */
export function isUnidentified({ replicaIdentity, primaryKey }: CatalogTable): boolean {
  return replicaIdentity === 'n' || (replicaIdentity === 'd' && primaryKey.length === 0);
}

/** Those of these tables that this user may not publish. */
async function tablesOfOthers(connection: WireConnection, oids: readonly number[]): Promise<ReadonlySet<number>> {
  const rows = await connection.query(
    `SELECT oid FROM pg_class WHERE oid IN (${oids.join(',')}) AND NOT pg_has_role(relowner, 'USAGE')`,
  );
  return new Set(rows.map((row) => Number(row.oid)));
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

/** Sets the replica identities that `replica.identity.autoset.values` asks for; a standby takes no statements, and the preflight tells them. */
export async function setIdentities(connection: WireConnection, settings: SourceSettings): Promise<void> {
  const statements = await identityStatements(connection, settings);
  if (statements.length === 0 || (await isStandby(connection))) return;
  for (const statement of statements) await connection.query(statement);
}

/** Whether this index is the table's replica identity. */
async function isIdentity(connection: WireConnection, table: number, index: string): Promise<boolean> {
  const sql = `SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ${table} AND i.indisreplident AND c.relname = ${quoteLiteral(index)}`;
  return (await connection.query(sql)).length > 0;
}

async function isStandby(connection: WireConnection): Promise<boolean> {
  const [row] = await connection.query('SELECT pg_is_in_recovery() AS standby');
  return row!.standby === 't';
}

/** The statements for identities that are not what they are to be. */
export async function identityStatements(connection: WireConnection, settings: SourceSettings): Promise<string[]> {
  const statements: string[] = [];
  if (settings.identities.length === 0) return statements;
  const words: Readonly<Record<string, string>> = { DEFAULT: 'd', FULL: 'f', NOTHING: 'n' };
  for (const { oid, schema, name } of await listTables(connection, settings.publication.viaRoot)) {
    const rule = settings.identities.find(({ table }) => table.test(`${schema}.${name}`));
    if (rule === undefined || !settings.filters.table(schema, name)) continue;
    const [table] = await readTables(connection, [oid]);
    const index = /^INDEX\s+(.+)$/i.exec(rule.identity)?.[1];
    const wanted = index === undefined ? words[rule.identity.toUpperCase()] : 'i';
    const isSet =
      table?.replicaIdentity === wanted && (index === undefined || (await isIdentity(connection, oid, index)));
    if (table === undefined || isSet) continue;
    const identity = index === undefined ? rule.identity.toUpperCase() : `USING INDEX ${quoteIdentifier(index)}`;
    statements.push(`ALTER TABLE ${qualified({ schema, name })} REPLICA IDENTITY ${identity};`);
  }
  return statements;
}
