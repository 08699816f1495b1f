/**
 * Commands by rows of a table (`signal.data.collection`): reads a signal and hands it to the snapshot it is about. The row is
 * a record of the topic like any other.
 */
import { JsonText, type Logger } from '../api/index.ts';
import type { IncrementalSnapshot } from './incremental-snapshot.ts';
import type { Tuple } from './pgoutput.ts';

/** What a signal acts on. */
export interface SignalTargets {
  readonly incremental: IncrementalSnapshot;
  /** The captured tables, as `schema.table`. */
  readonly tables: readonly string[];
  readonly logger: Logger;
}

interface SignalData {
  readonly type?: string;
  readonly message?: string;
  readonly 'data-collections'?: readonly string[];
  readonly 'additional-conditions'?: readonly { readonly 'data-collection': string; readonly filter: string }[];
}

/** Obeys a row of the signal table: columns id, type and data, in this order. */
export function obey(row: Tuple, targets: SignalTargets): void {
  const text = (index: number) => row.buffer.toString('utf8', row.starts[index]!, row.ends[index]!);
  const [id, type] = [text(0), text(1)];
  const { incremental, logger } = targets;
  let data: SignalData;
  try {
    data = (new JsonText(Buffer.from(text(2) || '{}')).parse() ?? {}) as SignalData;
  } catch (error) {
    logger.warn({ signal: id }, `The signal "${id}" of type ${type} holds no JSON: ${(error as Error).message}.`);
    return;
  }
  switch (type) {
    case 'log':
      logger.info({ signal: id }, data.message ?? '');
      break;
    case 'execute-snapshot':
      execute(id, data, targets);
      break;
    case 'stop-snapshot':
      incremental.cancel(data['data-collections'] === undefined ? null : matching(data, targets));
      break;
    case 'pause-snapshot':
      incremental.pause(true);
      break;
    case 'resume-snapshot':
      incremental.pause(false);
      break;
    default:
      // Debezium's own watermarks, left by a connector that was here before, are no commands.
      if (!type.startsWith('snapshot-window-')) logger.warn({ signal: id }, `Nobody knows a signal of type "${type}".`);
  }
}

function execute(id: string, data: SignalData, targets: SignalTargets): void {
  const { incremental, logger } = targets;
  const kind = (data.type ?? 'incremental').toLowerCase();
  if (kind !== 'incremental' && kind !== 'blocking') {
    logger.warn({ signal: id }, `The signal "${id}" asks for a snapshot of type "${kind}"; there is incremental only.`);
    return;
  }
  const tables = matching(data, targets);
  if (tables.length === 0) {
    logger.warn({ signal: id }, `The signal "${id}" names no table that is captured.`);
    return;
  }
  const conditions = (data['additional-conditions'] ?? []).flatMap((condition) =>
    tables.filter((table) => matches(condition['data-collection'], table)).map((table) => [table, condition.filter]),
  );
  incremental.execute(id, tables, Object.fromEntries(conditions) as Record<string, string>);
}

function matching(data: SignalData, { tables }: SignalTargets): string[] {
  const patterns = data['data-collections'] ?? [];
  return patterns.flatMap((pattern) => tables.filter((table) => matches(pattern, table)));
}

function matches(pattern: string, table: string): boolean {
  if (pattern === table) return true;
  try {
    return new RegExp(`^(?:${pattern})$`, 'i').test(table);
  } catch {
    return false;
  }
}
