/**
 * Opens connections in which Postgres writes values as the type table reads them; under an exported snapshot where one is given.
 */
import { quoteLiteral, WireConnection, type WireOptions } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';

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
    const { lockTimeoutMs } = settings.snapshot;
    if (lockTimeoutMs !== null) await connection.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}
