/**
 * Commands to a running source: a row of the signal table, a line of the signal file, or a request. Reads them and hands them
 * to the snapshot they are about. A row of the signal table is a record of the topic like any other.
 */
import { DataError, JsonText, type Logger, type Signal } from '../../../api/index.ts';
import type { BlockingSnapshots } from '../snapshot/blocking-snapshot.ts';
import type { IncrementalSnapshot } from '../snapshot/incremental-snapshot.ts';
import { type Tuple, TupleKind } from '../tables/pgoutput.ts';

/** What a signal acts on. */
export interface SignalTargets {
  readonly incremental: IncrementalSnapshot;
  readonly blocking: BlockingSnapshots;
  /** The captured tables, as `schema.table`. */
  readonly tables: readonly string[];
  readonly logger: Logger;
}

/** As somebody wrote it: every member is looked at before it is used. */
interface SignalData {
  readonly type?: unknown;
  readonly message?: unknown;
  readonly 'data-collections'?: unknown;
  readonly 'surrogate-key'?: unknown;
  readonly 'additional-conditions'?: unknown;
}

interface Condition {
  readonly 'data-collection': string;
  readonly filter: string;
}

/** A row of the signal table: columns id, type and data, in this order. Throws DataError where data holds no JSON object. */
export function signalOfRow(row: Tuple): Signal {
  if (row.count < 3) throw refused('The signal table has to have three columns: id, type and data.');
  const text = (index: number) =>
    row.kinds[index] === TupleKind.text ? row.buffer.toString('utf8', row.starts[index]!, row.ends[index]!) : '';
  return signalOf(text(0), text(1), text(2));
}

/** A line of the signal file, in Debezium's form: `{"id": …, "type": …, "data": {…}}`. Throws DataError. */
export function signalOfLine(line: string): Signal {
  const { id, type, data } = objectOf(line, 'The signal') as { id?: unknown; type?: unknown; data?: unknown };
  if (typeof type !== 'string') throw refused(`The signal has no type: ${line}`);
  return signalOf(String(id ?? ''), type, typeof data === 'string' ? data : JSON.stringify(data ?? {}));
}

function signalOf(id: string, type: string, data: string): Signal {
  return { id, type, data: objectOf(data || '{}', `The signal "${id}" of type ${type}`) };
}

function objectOf(text: string, what: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = new JsonText(Buffer.from(text)).parse();
  } catch (error) {
    throw refused(`${what} holds no JSON: ${(error as Error).message}.`);
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw refused(`${what} holds no JSON object.`);
}

function refused(message: string): DataError {
  return new DataError(message, { code: 'PG_SIGNAL' });
}

/** Obeys. Throws DataError where nobody knows what is asked for. */
export function obey({ id, type, data: given }: Signal, targets: SignalTargets): void {
  const { logger } = targets;
  const data = given as SignalData;
  switch (type) {
    case 'log':
      logger.info({ signal: id }, String(data.message ?? ''));
      break;
    case 'execute-snapshot':
      execute(id, data, targets);
      break;
    case 'stop-snapshot':
      for (const snapshot of meant(id, data, targets))
        snapshot.cancel(collections(id, data).length === 0 ? null : matching(id, data, targets));
      break;
    case 'pause-snapshot':
      for (const snapshot of meant(id, data, targets)) snapshot.pause(true);
      break;
    case 'resume-snapshot':
      for (const snapshot of meant(id, data, targets)) snapshot.pause(false);
      break;
    default:
      // Debezium's own watermarks, left by a connector that was here before, are no commands.
      if (type.startsWith('snapshot-window-')) return;
      throw refused(
        `Nobody knows a signal of type "${type}"; there are execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot and log.`,
      );
  }
}

/** The snapshots that a signal steers: those of the type it names, else all. */
function meant(id: string, { type }: SignalData, { incremental, blocking }: SignalTargets) {
  if (type === undefined) return [incremental, blocking];
  return [kindOf(id, type) === 'incremental' ? incremental : blocking];
}

function kindOf(id: string, type: unknown): 'incremental' | 'blocking' {
  const kind = String(type).toLowerCase();
  if (kind === 'incremental' || kind === 'blocking') return kind;
  throw refused(`The signal "${id}" asks for a snapshot of type "${type}"; there are incremental and blocking.`);
}

function execute(id: string, data: SignalData, targets: SignalTargets): void {
  const kind = kindOf(id, data.type ?? 'incremental');
  const tables = matching(id, data, targets);
  if (tables.length === 0) {
    throw refused(
      `The signal "${id}" names no table that is captured: ${JSON.stringify(data['data-collections'] ?? [])}.`,
    );
  }
  const conditions = conditionsOf(id, data).flatMap((condition) =>
    tables.filter((table) => matches(condition['data-collection'], table)).map((table) => [table, condition.filter]),
  );
  const filters = Object.fromEntries(conditions) as Record<string, string>;
  const surrogate = data['surrogate-key'] ?? '';
  if (typeof surrogate !== 'string') throw refused(`"surrogate-key" of the signal "${id}" is no name of a column.`);
  if (kind === 'incremental') targets.incremental.execute(id, tables, filters, surrogate || null);
  else targets.blocking.execute({ id, tables, filters });
}

function matching(id: string, data: SignalData, { tables }: SignalTargets): string[] {
  const patterns = collections(id, data);
  return [...new Set(patterns.flatMap((pattern) => tables.filter((table) => matches(pattern, table))))];
}

function collections(id: string, { 'data-collections': given = [] }: SignalData): readonly string[] {
  if (Array.isArray(given) && given.every((name) => typeof name === 'string')) return given.map((name) => name.trim());
  throw refused(`"data-collections" of the signal "${id}" is no list of names: ["schema.table", …].`);
}

function conditionsOf(id: string, { 'additional-conditions': given = [] }: SignalData): readonly Condition[] {
  const isOne = (it: unknown): it is Condition => {
    const { 'data-collection': name, filter } = (it ?? {}) as Partial<Condition>;
    return typeof name === 'string' && typeof filter === 'string';
  };
  if (Array.isArray(given) && given.every(isOne)) return given;
  throw refused(
    `"additional-conditions" of the signal "${id}" is no list of {"data-collection": "schema.table", "filter": "…"}.`,
  );
}

function matches(pattern: string, table: string): boolean {
  const unquoted = pattern.replace(/^"([^"]+)"\."([^"]+)"$/, '$1.$2');
  if (unquoted === table) return true;
  try {
    return new RegExp(`^(?:${pattern})$`, 'i').test(table);
  } catch {
    return false;
  }
}
