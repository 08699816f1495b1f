/**
 * What two lists of records differ in, each difference told by the column it is in, so that a class of them shows as one.
 */
import type { RecordedRecord } from '../../../test/kit/debezium-player.ts';
import type { FuzzTable } from './tables.ts';

export interface Difference {
  /** The same for all differences of a class: where, and the column as it was declared. */
  readonly kind: string;
  readonly example: string;
}

type Column = (topic: string, field: string, isWhole: boolean) => string;

const EXAMPLE_MAX = 300;

export function differences(
  theirs: readonly RecordedRecord[],
  ours: readonly RecordedRecord[],
  tables: readonly FuzzTable[],
): Difference[] {
  theirs = theirs.filter(({ key, value }) => key !== null || value !== null); // Tombstones without a key: a deviation.
  const found: Difference[] = [];
  const column = columnsOf(tables);
  const shown = (record: RecordedRecord | undefined) =>
    record === undefined ? 'nothing' : `${record.topic} ${operation(record)} ${record.key}`;
  for (let index = 0; index < Math.max(theirs.length, ours.length); index++) {
    const [one, other] = [theirs[index], ours[index]];
    if (one === undefined || other === undefined || one.topic !== other.topic || operation(one) !== operation(other)) {
      found.push({
        kind: `order: ${operation(one)} ${operation(other)}`,
        example: `record ${index}: theirs ${shown(one)}, ours ${shown(other)}`,
      });
      break;
    }
    for (const part of ['key', 'keySchema', 'value', 'valueSchema'] as const) {
      if (plain(part, one[part]) !== plain(part, other[part]))
        tell(found, part, one.topic, one[part], other[part], column, operation(one));
    }
    if (JSON.stringify(one.headers) !== JSON.stringify(other.headers))
      found.push({ kind: 'headers', example: `${JSON.stringify(one.headers)} | ${JSON.stringify(other.headers)}` });
  }
  return [...new Map(found.reverse().map((difference) => [difference.kind, difference])).values()];
}

/** In the defaults of schemas 1 is as good as 1.0. */
function plain(part: string, text: string | null): string | null {
  return part.endsWith('Schema') && text !== null ? text.replace(/("default":-?\d+)\.0\b/g, '$1') : text;
}

function operation(record: RecordedRecord | undefined): string {
  if (record === undefined) return 'nothing';
  if (record.value === null) return 'tombstone';
  return /"op":"(\w)"/.exec(record.value)?.[1] ?? 'other';
}

function tell(
  found: Difference[],
  part: string,
  topic: string,
  one: string | null,
  other: string | null,
  column: Column,
  op: string,
): void {
  const pairs = one === null || other === null ? [] : walk(JSON.parse(one), JSON.parse(other), []);
  if (pairs.length === 0)
    found.push({
      kind: `${part} text`,
      example: `${topic} ${op}: theirs ${around(one, other)}, ours ${around(other, one)}`,
    });
  for (const { path, theirs, ours } of pairs) {
    const field = part.endsWith('Schema') ? path[0] : path[0] === 'before' || path[0] === 'after' ? path[1] : path[0];
    const rest = part.endsWith('Schema') ? path.slice(1).join('.') : path[0] === 'before' ? 'before' : '';
    found.push({
      kind: `${part} ${rest} [${column(topic, field ?? '', /default|before/.test(rest))}]`,
      example: `${topic} ${op} ${path.join('.')}: theirs ${JSON.stringify(theirs)?.slice(0, EXAMPLE_MAX)}, ours ${JSON.stringify(ours)?.slice(0, EXAMPLE_MAX)}`,
    });
  }
}

/** The text where it begins to be another. */
function around(text: string | null, other: string | null): string | undefined {
  if (text === null || other === null) return text?.slice(0, EXAMPLE_MAX);
  let at = 0;
  while (at < text.length && text[at] === other[at]) at++;
  return text.slice(Math.max(0, at - BEFORE_MAX), at + BEFORE_MAX);
}

const BEFORE_MAX = 60;

interface Pair {
  readonly path: readonly string[];
  readonly theirs: unknown;
  readonly ours: unknown;
}

/** Where two values of JSON differ; the fields of a schema go by their names, and those of the row stand first. */
function walk(theirs: unknown, ours: unknown, path: readonly string[]): Pair[] {
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return [];
  const [one, other] = [membersOf(theirs), membersOf(ours)];
  if (one === null || other === null) return [{ path, theirs, ours }];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const inside = names.flatMap((name) =>
    walk(one[name], other[name], name === 'fields' || (path.length === 0 && isRow(name, one)) ? path : [...path, name]),
  );
  return inside.length > 0
    ? inside
    : [{ path, theirs: `order of ${Object.keys(one)}`, ours: `order of ${Object.keys(other)}` }];
}

/** The schemas of `before` and `after` in an envelope's. */
function isRow(name: string, members: Record<string, unknown>): boolean {
  const member = members[name] as { type?: unknown; field?: unknown } | undefined;
  return member?.type === 'struct' && (member.field === 'before' || member.field === 'after');
}

function membersOf(value: unknown): Record<string, unknown> | null {
  if (value === null || typeof value !== 'object') return null;
  if (!Array.isArray(value)) return value as Record<string, unknown>;
  const isFields = value.every((item) => typeof item === 'object' && item !== null && 'field' in item);
  return isFields && value.length > 0
    ? Object.fromEntries(value.map((item) => [(item as { field: string }).field, item]))
    : null;
}

/** How a field's column was declared. */
function columnsOf(tables: readonly FuzzTable[]): Column {
  return (topic, field, isWhole) => {
    const columns = tables
      .filter(({ name }) => topic.endsWith(name.replace(/[^A-Za-z0-9._-]/g, '_')))
      .flatMap((table) => [...table.columns, ...table.before]);
    const column = columns.find(({ name }) => name === field);
    if (column === undefined) return field;
    return isWhole ? `${column.type.sql}${column.rest}` : column.type.sql;
  };
}
