/**
 * What `millrace check` says beside the preflight: what a start would wait for, or meet later. Rights to read, a free sender,
 * a slot that nobody else reads; each with the statement that helps. Changes nothing.
 */
import { type ConfigProblem, RetriableError } from '../../../api/index.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { listTables, qualified } from '../tables/catalog.ts';
import { readSlot, slotLost } from './slot.ts';

/** Empty means that nothing is in the way. */
export async function obstacles(connection: WireConnection, settings: SourceSettings): Promise<ConfigProblem[]> {
  const { database, slot } = settings;
  const problems = await unreadableTables(connection, settings);
  const [senders] = await connection.query(
    `SELECT current_setting('max_wal_senders')::int AS most, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender') AS busy,
       (SELECT active_pid IS NOT NULL FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(slot.name)}) AS active`,
  );
  if (senders!.active !== 't' && Number(senders!.busy) >= Number(senders!.most)) {
    const message = `All ${senders!.most} WAL senders are taken (SELECT pid, application_name FROM pg_stat_replication). Stop one, or run: ALTER SYSTEM SET max_wal_senders = ${Number(senders!.most) + 10}; then restart the server.`;
    problems.push({ key: 'database.hostname', value: database.host, message });
  }
  return [...problems, ...(await slotProblems(connection, settings))];
}

/** Tables whose rows the user may not read, each with the statement that lets him. A start without a snapshot does without. */
export async function unreadableTables(connection: WireConnection, settings: SourceSettings): Promise<ConfigProblem[]> {
  const { database, publication, filters } = settings;
  const user = quoteIdentifier(database.user);
  const tables = await listTables(connection, publication.viaRoot);
  const wanted = tables.filter(({ schema, name }) => filters.table(schema, name));
  const unreadable = await connection.query(
    `SELECT n.nspname AS schema, c.relname AS name, has_schema_privilege(n.oid, 'USAGE') AS visible
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (${wanted.map(({ oid }) => oid).join(',') || '0'})
       AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT'))`,
  );
  return unreadable.map((row) => {
    const [schema, name] = [row.schema!, row.name!];
    const usage = row.visible === 't' ? '' : `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${user}; `;
    const message = `The user "${database.user}" may not read table ${schema}.${name}. Run as its owner: ${usage}GRANT SELECT ON ${qualified({ schema, name })} TO ${user};`;
    return { key: 'database.user', value: database.user, message };
  });
}

/** A reader of our own is the connector itself, at work; a lost slot is made anew where rows are read again anyway. */
async function slotProblems(connection: WireConnection, settings: SourceSettings): Promise<ConfigProblem[]> {
  const problem = (message: string) => [{ key: 'slot.name', value: settings.slot.name, message }];
  try {
    const slot = await readSlot(connection, settings);
    const isMissed =
      slot !== null && slot.lostBecause !== null && !settings.rereads && settings.snapshotMode !== 'always';
    return isMissed ? problem(slotLost(settings, slot.lostBecause).message) : [];
  } catch (error) {
    if (!(error instanceof RetriableError)) throw error;
    return error.message.includes('("millrace ') ? [] : problem(error.message);
  }
}
