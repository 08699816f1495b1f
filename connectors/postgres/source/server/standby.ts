/**
 * What is different on a standby, which takes no writes (Postgres 16 and later decode their WAL there): what would have to be
 * written first is told with the statement for its primary. Changes nothing.
 */
import type { ConfigProblem, Logger } from '../../../api/index.ts';
import { quoteIdentifier, type Row, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { type QualifiedName, qualified } from '../tables/catalog.ts';
import { identityStatements } from './publication.ts';

/** The first version with logical slots on standbys. */
const STANDBY_VERSION_MIN = 160_000;

/** A statement that is no query, or one that Debezium's users keep slots going with. */
const WRITES = /^(?!\s*(?:select|values|table|show)\b)|\bpg_(?:logical_emit_message|current_xact_id|switch_wal)\b/i;

/** Whether the server is a standby, and what keeps it from being read; `server` as the preflight asks for it. */
export async function standbyProblems(
  connection: WireConnection,
  settings: SourceSettings,
  server: Row,
): Promise<ConfigProblem[]> {
  if (server.standby !== 't') return [];
  const { database, slot, heartbeat } = settings;
  const place = `Postgres at ${database.host}:${database.port} is a standby`;
  const problems: ConfigProblem[] = [];
  if (Number(server.version) < STANDBY_VERSION_MIN) {
    const message = `${place} of version ${server.version_text}; change capture from standbys came with 16. Point database.hostname at the primary.`;
    problems.push({ key: 'database.hostname', value: database.host, message });
  }
  if (slot.failover) {
    const message = `${place}, where no slot can be made that follows to others. Set slot.failover to false, or point database.hostname at the primary.`;
    problems.push({ key: 'slot.failover', value: 'true', message });
  }
  if (heartbeat.query !== null && WRITES.test(heartbeat.query)) {
    const message = `${place}, which takes no writes. Leave heartbeat.action.query out: positions are confirmed without it.`;
    problems.push({ key: 'heartbeat.action.query', value: heartbeat.query, message });
  }
  const identities = await identityStatements(connection, settings);
  if (identities.length > 0) {
    const message = `${place}, which takes no writes. Run on its primary: ${identities.join(' ')}`;
    problems.push({ key: 'replica.identity.autoset.values', value: null, message });
  }
  return problems;
}

/** What is to be published on the primary first: `missing` tables, or null for a publication that is not there at all. */
export function standbyPublicationProblem(
  { publication, database }: SourceSettings,
  missing: readonly QualifiedName[] | null,
  candidates: readonly QualifiedName[],
): string | null {
  if (missing?.length === 0) return null;
  const name = quoteIdentifier(publication.name);
  const tables = (list: readonly QualifiedName[]) => list.map(qualified).join(', ');
  const what =
    publication.mode === 'all_tables'
      ? ' FOR ALL TABLES'
      : publication.mode === 'no_tables'
        ? ''
        : ` FOR TABLE ${tables(candidates)}`;
  const root = publication.viaRoot ? ' WITH (publish_via_partition_root = true)' : '';
  const sql =
    missing === null
      ? `CREATE PUBLICATION ${name}${what}${root};`
      : `ALTER PUBLICATION ${name} ADD TABLE ${tables(missing)};`;
  return `Postgres at ${database.host}:${database.port} is a standby, which takes no writes. Run on its primary: ${sql}`;
}

/** Says before a slot is made what that waits for, and what may end the slot later. */
export async function tellOfStandby(connection: WireConnection, slot: string, logger: Logger): Promise<void> {
  const [row] = await connection.query(
    "SELECT pg_is_in_recovery() AS standby, current_setting('hot_standby_feedback') AS feedback",
  );
  if (row!.standby !== 't') return;
  const message = `The server is a standby: the replication slot "${slot}" is made once its primary tells which transactions run. Where the primary is quiet, run there: SELECT pg_log_standby_snapshot();`;
  logger.info({ slot }, message);
  if (row!.feedback === 'on') return;
  logger.warn(
    { slot },
    `The primary may remove catalogue rows that the replication slot "${slot}" needs, which ends the slot. Run on the standby: ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf(); and give it a physical slot (primary_slot_name).`,
  );
}
