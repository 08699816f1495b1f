/**
 * Looks whether the server is ready for change capture and says what is missing, with the statement that adds it.
 * Changes nothing.
 */

import { access, constants, stat } from 'node:fs/promises';
import type { ConfigProblem } from '../../../api/index.ts';
import { quoteIdentifier, quoteLiteral, type Row, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import {
  type CatalogTable,
  listTables,
  nameOf,
  publishedTables,
  qualified,
  readTables,
  type TableName,
} from '../tables/catalog.ts';
import { topicOf } from '../tables/tables.ts';
import { createSql, isUnidentified } from './publication.ts';
import { standbyProblems, standbyPublicationProblem } from './standby.ts';

/** The oldest version that is tested; json_agg, attgenerated and the like need 12. */
const SERVER_VERSION_MIN = 140_000;
/** As `skipped.operations` and a publication's `publish` name them. */
const OPERATIONS = [
  ['c', 'insert'],
  ['u', 'update'],
  ['d', 'delete'],
  ['t', 'truncate'],
] as const;
/** CREATE_REPLICATION_SLOT … (FAILOVER). */
const FAILOVER_VERSION_MIN = 170_000;

/**
 * Everything that would not work, each with its fix. Empty means ready. `isFirst`: nothing was read yet; later a table that cannot be
 * published is left out of a publication that is there, and no problem.
 */
export async function preflight(
  connection: WireConnection,
  settings: SourceSettings,
  isFirst = true,
): Promise<ConfigProblem[]> {
  const [server] = await connection.query(`
    SELECT current_setting('wal_level') AS wal_level, current_setting('server_version_num') AS version,
      current_setting('server_version') AS version_text, pg_is_in_recovery() AS standby,
      current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots) AS free_slots,
      (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS may_replicate,
      EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication' AND pg_has_role(r.oid, 'member')) AS rds`);
  const problems = [...serverProblems(server!, settings), ...(await standbyProblems(connection, settings, server!))];
  problems.push(...(await slotProblems(connection, settings, Number(server!.free_slots))));
  problems.push(...(await publicationProblems(connection, settings, server!.standby === 't', isFirst)));
  return problems;
}

/** What is wrong with the directory for large transactions: told by a check, and at work they are left to the server. One that is not there yet is made when it is needed. */
export async function spoolProblems({ spool, slot }: SourceSettings): Promise<ConfigProblem[]> {
  const { directory } = spool;
  if (directory === null || !slot.isStreaming) return [];
  const problem = (why: string) => {
    const message = `Large transactions cannot be kept in ${directory}: ${why}. Name another directory, or set slot.stream.params to streaming=off, and the server keeps them.`;
    return [{ key: 'streaming.spool.dir', value: directory, message }];
  };
  const found = await stat(directory).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) return found.code === 'ENOENT' ? [] : problem(found.message);
  if (!found.isDirectory()) return problem('it is a file');
  return access(directory, constants.W_OK | constants.X_OK).then(
    () => [],
    (error: Error) => problem(error.message),
  );
}

function serverProblems(server: Row, settings: SourceSettings): ConfigProblem[] {
  const { host, port, user } = settings.database;
  const place = `Postgres at ${host}:${port}`;
  const problems: ConfigProblem[] = [];
  if (Number(server.version) < SERVER_VERSION_MIN) {
    const message = `${place} is version ${server.version_text}; change capture needs 14 or later.`;
    problems.push({ key: 'database.hostname', value: host, message });
  }
  if (settings.slot.failover && Number(server.version) < FAILOVER_VERSION_MIN) {
    const message = `${place} is version ${server.version_text}; slots that follow to standbys came with 17. Set slot.failover to false.`;
    problems.push({ key: 'slot.failover', value: 'true', message });
  }
  if (server.wal_level !== 'logical') {
    const message = `${place} runs with wal_level=${server.wal_level}, and change capture needs "logical". Run: ALTER SYSTEM SET wal_level = 'logical'; then restart the server.`;
    problems.push({ key: 'database.hostname', value: host, message });
  }
  if (server.may_replicate !== 't' && server.rds !== 't') {
    const message = `The user "${user}" may not replicate. Run as a superuser: ALTER ROLE ${quoteIdentifier(user)} REPLICATION;`;
    problems.push({ key: 'database.user', value: user, message });
  }
  return problems;
}

async function slotProblems(
  connection: WireConnection,
  { slot, database }: SourceSettings,
  freeSlots: number,
): Promise<ConfigProblem[]> {
  const problem = (message: string) => [{ key: 'slot.name', value: slot.name, message }];
  const [found] = await connection.query(
    `SELECT plugin, database FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(slot.name)}`,
  );
  if (found === undefined) {
    if (freeSlots > 0) return [];
    return problem(
      'All replication slots are taken. Drop one that nobody reads (SELECT slot_name, active FROM pg_replication_slots), or raise max_replication_slots and restart the server.',
    );
  }
  const drop = `SELECT pg_drop_replication_slot(${quoteLiteral(slot.name)});`;
  if (found.plugin !== 'pgoutput' || found.database !== database.database) {
    const what =
      found.plugin === null
        ? 'is a physical one, for a standby'
        : `exists for plugin ${found.plugin} in database ${found.database}`;
    return problem(
      `The replication slot "${slot.name}" ${what}. Choose another slot.name, or drop it if nobody needs it: ${drop}`,
    );
  }
  return [];
}

async function publicationProblems(
  connection: WireConnection,
  settings: SourceSettings,
  isStandby: boolean,
  isFirst: boolean,
): Promise<ConfigProblem[]> {
  const { publication, filters } = settings;
  const problem = (message: string) => ({ key: 'publication.name', value: publication.name, message });
  const candidates = (await listTables(connection, publication.viaRoot)).filter((table) =>
    filters.table(table.schema, table.name),
  );
  if (candidates.length === 0) {
    const message = `No table of database "${settings.database.database}" matches the filters. Their expressions are for schema.table (public.customers) and its whole name. Compare table.include.list with: SELECT schemaname, tablename FROM pg_tables;`;
    return [{ key: 'table.include.list', value: null, message }];
  }
  const [found] = await connection.query(
    `SELECT puballtables,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super
     FROM (SELECT 1) one LEFT JOIN pg_publication ON pubname = ${quoteLiteral(publication.name)}`,
  );
  const exists = found!.puballtables !== null;
  if (!exists && publication.mode === 'disabled') {
    return [
      problem(
        `The publication "${publication.name}" does not exist, and publication.autocreate.mode is disabled. Run: ${createSql(publication.name, candidates)}`,
      ),
    ];
  }
  if (!exists && publication.mode === 'all_tables' && found!.super !== 't' && !isStandby) {
    return [
      problem(
        `Only a superuser may publish all tables. Set publication.autocreate.mode to filtered, or run as a superuser: CREATE PUBLICATION ${quoteIdentifier(publication.name)} FOR ALL TABLES;`,
      ),
    ];
  }
  const published = exists ? await publishedTables(connection, publication.name) : [];
  const problems: ConfigProblem[] = [];
  if (publication.mode !== 'disabled') {
    const isMissed = isFirst || !exists;
    const adds = publication.mode === 'filtered' && found!.puballtables !== 't';
    const missing =
      adds && isMissed ? candidates.filter(({ oid }) => !published.some((table) => table.oid === oid)) : [];
    const refused = isStandby
      ? standbyPublicationProblem(settings, exists ? missing : null, candidates)
      : await publishingProblem(connection, settings, exists, missing);
    if (refused !== null) problems.push(problem(refused));
  }
  const captured =
    exists && (publication.mode !== 'filtered' || !isFirst)
      ? candidates.filter((table) => published.some(({ oid }) => oid === table.oid))
      : candidates;
  if (captured.length === 0 && publication.mode !== 'no_tables' && publication.mode !== 'filtered') {
    return [
      problem(
        `The publication "${publication.name}" holds none of the wanted tables. Run: ALTER PUBLICATION ${quoteIdentifier(publication.name)} ADD TABLE ${candidates.map(qualified).join(', ')};`,
      ),
    ];
  }
  const oids = captured.map((table) => table.oid);
  if (isFirst) problems.push(...topicProblems(settings, captured));
  return [...problems, ...tableProblems(await readTables(connection, oids), new Set(published.map(({ oid }) => oid)))];
}

/** A publication of the user's own that leaves out operations which nobody said may be missing. */
export async function operationProblems(
  connection: WireConnection,
  { publication, skipped }: SourceSettings,
): Promise<ConfigProblem[]> {
  const [found] = await connection.query(
    `SELECT pubinsert AS c, pubupdate AS u, pubdelete AS d, pubtruncate AS t
     FROM pg_publication WHERE pubname = ${quoteLiteral(publication.name)}`,
  );
  const unpublished = OPERATIONS.filter(([letter]) => found?.[letter] === 'f' && !skipped.has(letter));
  if (unpublished.length === 0) return [];
  const words = unpublished.map(([, word]) => word).join(' and ');
  const letters = unpublished.map(([letter]) => letter).join(',');
  const message = `The publication "${publication.name}" leaves out every ${words}, and nobody would be told that they are missing. Run: ALTER PUBLICATION ${quoteIdentifier(publication.name)} SET (publish = 'insert, update, delete, truncate'); or add ${letters} to skipped.operations.`;
  return [{ key: 'publication.name', value: publication.name, message }];
}

/** Names that differ only in what a topic's name cannot hold: rows of one table would replace those of the other. */
function topicProblems(settings: SourceSettings, captured: readonly TableName[]): ConfigProblem[] {
  const byTopic = new Map<string, string>();
  return captured.flatMap((table) => {
    const [topic, name] = [topicOf(settings, table), nameOf(table)];
    const other = byTopic.get(topic);
    byTopic.set(topic, name);
    if (other === undefined) return [];
    const message = `Tables ${other} and ${name} would both be written to topic ${topic}, and rows of the same key would replace each other. Leave one out with table.exclude.list, for a connector with another topic.prefix, or rename it.`;
    return [{ key: 'table.include.list', value: name, message }];
  });
}

/** Why the publication cannot be made, or these tables not be added to it; null where nothing is in the way. */
async function publishingProblem(
  connection: WireConnection,
  { publication, database }: SourceSettings,
  exists: boolean,
  missing: readonly TableName[],
): Promise<string | null> {
  const oids = missing.map(({ oid }) => oid).join(',') || '0';
  const [row] = await connection.query(
    `SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super, current_database() AS database,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       (SELECT pg_has_role(pubowner, 'USAGE') FROM pg_publication WHERE pubname = ${quoteLiteral(publication.name)}) AS owns,
       (SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c WHERE c.oid IN (${oids}) AND NOT pg_has_role(c.relowner, 'USAGE')) AS others`,
  );
  const { super: isSuper, database: name, may_create: mayCreate, owns, others } = row!;
  if (isSuper === 't' || (exists && missing.length === 0)) return null;
  const user = quoteIdentifier(database.user);
  if (!exists && mayCreate !== 't') {
    const grant = `GRANT CREATE ON DATABASE ${quoteIdentifier(name!)} TO ${user};`;
    return `The user "${database.user}" may not create the publication "${publication.name}". Run as the owner of the database: ${grant}`;
  }
  if (others === null && (!exists || owns === 't')) return null;
  const sql = exists
    ? `ALTER PUBLICATION ${quoteIdentifier(publication.name)} ADD TABLE ${missing.map(qualified).join(', ')};`
    : createSql(publication.name, missing);
  const what = others === null ? `the publication "${publication.name}"` : others;
  return `Only who owns a table and the publication may publish it, and the user "${database.user}" does not own ${what}. Run as a superuser: ${sql}`;
}

/**
 * Postgres refuses UPDATE and DELETE of a published row it cannot identify: publishing such a table would stop the application.
 * Of one that was published before us nothing gets worse.
 */
function tableProblems(tables: readonly CatalogTable[], published: ReadonlySet<number>): ConfigProblem[] {
  return tables.flatMap((table) => {
    const fix = `ALTER TABLE ${qualified(table)} REPLICA IDENTITY FULL;`;
    if (isUnidentified(table)) {
      if (published.has(table.oid)) return [];
      const message = `Table ${table.schema}.${table.name} has no primary key and no replica identity: once it is published, Postgres refuses its updates and deletes. Add a primary key, or run: ${fix}`;
      return [{ key: 'table.include.list', value: `${table.schema}.${table.name}`, message }];
    }
    const missing = table.primaryKey.filter((column) => !table.identityKey.includes(column));
    if (table.replicaIdentity === 'i' && missing.length > 0) {
      const message = `Table ${table.schema}.${table.name} has a replica identity without the key column ${missing.join(', ')}: its deletes would not tell which row. Run: ALTER TABLE ${qualified(table)} REPLICA IDENTITY DEFAULT;`;
      return [{ key: 'table.include.list', value: `${table.schema}.${table.name}`, message }];
    }
    return [];
  });
}
