/**
 * In which order the statements of a batch run, so that rows find the rows they point to. Pure.
 */
import type { SinkChange, TargetName } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { type Statement, statementsFor } from './sink-statements.ts';
import type { TargetTable } from './target-tables.ts';

/** What one table is asked to do. */
export interface TableWork {
  readonly table: TargetTable;
  readonly changes: readonly SinkChange[];
}

/** Changes by table, tables in the order in which they appear. */
export function byTarget(changes: readonly SinkChange[]): Map<TargetName, SinkChange[]> {
  const groups = new Map<TargetName, SinkChange[]>();
  for (const change of changes) {
    const group = groups.get(change.target);
    if (group === undefined) groups.set(change.target, [change]);
    else group.push(change);
  }
  return groups;
}

/** Tables before the tables that point to them; a circle stays in the order in which it came. */
function parentsFirst(work: readonly TableWork[]): TableWork[] {
  const sorted: TableWork[] = [];
  const seen = new Set<TableWork>();
  const visit = (one: TableWork) => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const parent of work) if (one.table.parents.includes(parent.table.oid)) visit(parent);
    sorted.push(one);
  };
  work.forEach(visit);
  return sorted;
}

function hasForeignKeys(work: readonly TableWork[]): boolean {
  return work.some(({ table }) => table.parents.length > 0 || table.isReferenced);
}

/** Whatever can wait for the commit waits: circles, where their keys are made for it. */
const DEFERRED: Statement = { table: null, text: 'SET CONSTRAINTS ALL DEFERRED', parameters: [], isDelete: false };

/**
 * Rows of a table before the rows that point to them, deletes the other way round. Deletes come before all rows, so that
 * unique values are free again; or behind them (`deletesLast`), where rows still point to what is deleted until they are
 * written: the key of a parent has changed. What empties a table comes before its rows in any case.
 */
export function inOrder(work: readonly TableWork[], settings: SinkSettings, deletesLast = false): Statement[] {
  const made = parentsFirst(work).map(({ table, changes }) => statementsFor(table, changes, settings));
  if (!hasForeignKeys(work)) return made.flat();
  const deletes = made
    .map((statements) => statements.filter(({ isDelete }) => isDelete))
    .reverse()
    .flat();
  const writes = made.flat().filter(({ isDelete }) => !isDelete);
  if (!deletesLast) return [DEFERRED, ...deletes, ...writes];
  const truncates = deletes.filter(({ isTruncate }) => isTruncate);
  return [DEFERRED, ...truncates, ...writes, ...deletes.filter(({ isTruncate }) => !isTruncate)];
}
