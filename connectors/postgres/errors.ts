/**
 * What goes wrong between us and Postgres, told apart for the worker: wait and try again, this row is bad, or stop.
 *
 * The server speaks in SQLSTATEs (PostgreSQL manual, appendix A); this file is the only one that judges them.
 */
import { ConfigError, ConnectError, DataError, RetriableError } from '../api/index.ts';

/** Every code this room gives its errors, with what it means. */
export const postgresErrorCodes = {
  PG_CONNECTION: 'The server cannot be reached, went away, or asks to come again later.',
  PG_AUTHENTICATION: 'The server does not accept user or password.',
  PG_SETUP: 'Something on the server is missing for change capture: a setting, a privilege, a publication, a key.',
  PG_SLOT_IN_USE: 'Another process reads the replication slot.',
  PG_SLOT_LOST: 'The replication slot is gone or invalidated, and changes with it.',
  PG_SLOT_MOVED: 'The replication slot stands beyond the stored position: changes in between were kept for nobody.',
  PG_OTHER_SERVER: 'The server is not the one the stored position came from, or lacks part of what was read.',
  PG_SCHEMA_REFUSED: 'The registry does not allow the shape a table has now, and the policy is to stop.',
  PG_SIGNAL: 'A signal asks for something that nobody knows.',
  PG_TABLE_LOCKED: 'A table that a snapshot is to read is held by another session for longer than the config allows.',
  PG_TABLE_MOVED:
    'A table was altered, emptied or dropped while a snapshot was to read it; it is read as of a later moment.',
  PG_STREAMING: 'A large transaction could not be read while it ran; from now on such are read behind their commit.',
  PG_WAL_LIMIT: 'The replication slot holds back more WAL than it may.',
  PG_PROTOCOL: 'The server sent something this client does not understand.',
  PG_STATEMENT: 'The server refused a statement.',
  PG_BAD_ROW: 'The server refused the values of a row.',
  PG_TARGET: 'The target table does not fit the records.',
  PG_FENCED: 'Another task took over the partitions of this one.',
} as const;

/** An ErrorResponse of the server. */
export class ServerError extends Error {
  readonly sqlState: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'The server sent an error without a message.');
    this.name = 'ServerError';
    this.sqlState = fields.get('C') ?? '';
    this.detail = fields.get('D');
    this.hint = fields.get('H');
  }
}

/** The connection is no more: closed, reset, timed out. */
export class ConnectionLost extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionLost';
  }
}

/** There never was a connection. */
export class NotConnected extends ConnectionLost {}

/** Classes and codes after which the same statement may succeed: conflict, shutdown, connection, resources. */
const RETRIABLE_STATE = /^(08|57P0|53|40001|40P01|55006|55P03|57014|25006)/;
/** Data exceptions and violated constraints: the row is at fault, its neighbours are not. */
const BAD_ROW_STATE = /^(22|23)/;
/** A row points to one that is not there, or away from one that is still pointed to. */
const FOREIGN_KEY_STATE = '23503';

/** Whether it is a foreign key that the server refused a statement for. */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && sqlStateOf(error) === FOREIGN_KEY_STATE;
}

/** invalid_catalog_name */
const NO_SUCH_DATABASE = '3D000';
const AUTHENTICATION_STATE = /^28/;
/** The server met something it does not expect of itself. */
const INTERNAL_STATE = /^XX/;

/** Whether the server failed by a mistake of its own. */
export function isInternalError(error: unknown): error is ServerError {
  return error instanceof ServerError && INTERNAL_STATE.test(error.sqlState);
}

const NETWORK_CODE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_STREAM)/;

/**
 * Any error as the one the worker understands. `doing` completes the sentence "… failed while " and names the thing.
 * Errors that already are Connect's pass unchanged.
 */
export function toConnectError(error: unknown, doing: string): ConnectError {
  if (error instanceof ConnectError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const state = sqlStateOf(cause);
  if (state !== null) return fromServer(cause, state, doing);
  if (cause instanceof NotConnected) {
    const message = `${cause.message} It was wanted for ${doing}, and is tried again.`;
    return new RetriableError(message, { code: 'PG_CONNECTION', cause });
  }
  if (cause instanceof ConnectionLost || isNetworkError(cause)) {
    const message = `The connection to Postgres was lost while ${doing}: ${cause.message} It is tried again.`;
    return new RetriableError(message, { code: 'PG_CONNECTION', cause });
  }
  return new ConnectError(`Failed while ${doing}: ${cause.message}`, { code: 'PG_PROTOCOL', cause });
}

/** Ours and pg's server errors alike carry five characters, under different names. */
export function sqlStateOf(error: Error): string | null {
  if (error instanceof ServerError) return error.sqlState;
  const code = (error as { code?: unknown; severity?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error ? code : null;
}

function isNetworkError(error: Error): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && NETWORK_CODE.test(code)) return true;
  // pg reports a lost connection by message only.
  return /Connection terminated|Client has encountered a connection error|timeout expired/.test(error.message);
}

function fromServer(cause: Error, state: string, doing: string): ConnectError {
  const { detail, hint } = cause as { detail?: string; hint?: string };
  // Details and hints are sentences, messages are not.
  const said = [cause.message, detail, hint]
    .filter(Boolean)
    .map((part) => part!.replace(/\.?$/, '.'))
    .join(' ');
  const message = `Postgres answered ${state} while ${doing}: ${said}`;
  if (RETRIABLE_STATE.test(state)) return new RetriableError(message, { code: 'PG_CONNECTION', cause });
  if (BAD_ROW_STATE.test(state)) return new DataError(message, { code: 'PG_BAD_ROW', cause });
  if (AUTHENTICATION_STATE.test(state)) {
    const advice = /pg_hba\.conf/.test(cause.message)
      ? 'Put a line that lets it in into pg_hba.conf, before the one that does not, and run: SELECT pg_reload_conf();'
      : 'Check the user, the password and pg_hba.conf.';
    return new ConnectError(`${message} ${advice}`, { code: 'PG_AUTHENTICATION', cause });
  }
  if (state === NO_SUCH_DATABASE) {
    const advice = 'Those that are there: SELECT datname FROM pg_database;';
    return new ConnectError(`${message} ${advice}`, { code: 'PG_SETUP', cause });
  }
  return new ConnectError(message, { code: 'PG_STATEMENT', cause });
}

/** Something on the server has to be changed before this can work; the message carries the statement that does it. */
export function setupError(message: string): ConfigError {
  return new ConfigError(message, { code: 'PG_SETUP' });
}
