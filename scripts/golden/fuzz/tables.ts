/**
 * Tables by chance: names, columns of every type with defaults of every kind, keys of every shape, replica identities.
 */
import type { seededRandom } from '../../../test/kit/random.ts';
import { catalogueTypes, type FuzzType, listOf, literal, madeTypes } from './types.ts';

export type Random = ReturnType<typeof seededRandom>;

export interface FuzzColumn {
  readonly name: string;
  readonly type: FuzzType;
  readonly isNullable: boolean;
  /** What stands behind the type in the declaration: for the report. */
  readonly rest: string;
  /** Values are never given for it. */
  readonly isGenerated: boolean;
  readonly isBig: boolean;
}

export interface FuzzTable {
  readonly schema: string;
  readonly name: string;
  /** `id` first, which tells rows apart. */
  columns: FuzzColumn[];
  readonly key: readonly string[];
  readonly declaration: string;
  readonly hasRowsBefore: boolean;
  /** The ids of the rows that are there. */
  rows: number[];
  /** Columns that are gone. */
  before: FuzzColumn[];
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;
export const chance = (random: Random, share: number): boolean => random.next() < share;
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const fullName = ({ schema, name }: FuzzTable): string => `${quoted(schema)}.${quoted(name)}`;

const oddTables = [
  'Orders',
  'order items',
  'select',
  'dotted.name',
  'näme',
  'a-b',
  't'.repeat(63),
  'UPPER',
  '1st',
  'per%cent',
  'do$lar',
  "it's",
];
const oddColumns = [
  'Idx',
  'select',
  'a b',
  'a-b',
  'näme',
  '空',
  'c'.repeat(63),
  '1st',
  "it's",
  'UPPER',
  'tab"le',
  'per%',
  'do$lar',
  'op',
  'before',
  '_x',
  'a.b',
];
const bigTypes = ['text', 'bytea', 'jsonb', 'varchar', 'text[]', 'xml'];

function randomType(random: Random): FuzzType {
  const types = (chance(random, 0.7) ? catalogueTypes : madeTypes).filter(({ sql }) => !DEADLY.test(sql));
  const type = pick(random, types);
  return chance(random, 0.3) && LISTED.test(type.sql) ? listOf(type) : type;
}

/** What ends Debezium's task, or is in docs/deviations.md, would hide all else in its table; the walk through all types has it. */
const DEADLY = /^(oidvector|int2vector|refcursor|regrole|timetz)$/;
const LISTED =
  /^(smallint|int|bigint|real|double precision|text|varchar.*|char\(.*|citext|boolean|date|uuid|jsonb?|bytea|inet|cidr|macaddr8?|(int4|int8|num|ts|tstz|date)range|hstore|oid)$/;

function defaultOf(random: Random, type: FuzzType): string {
  if (type.expressions !== undefined && chance(random, 0.5)) return ` DEFAULT (${pick(random, type.expressions)})`;
  if (chance(random, 0.1)) return ' DEFAULT NULL';
  const value = pick(random, type.values);
  return ` DEFAULT ${chance(random, 0.3) && !type.isExpression ? `'${value}'` : literal(type, value)}`;
}

/** Columns whose NULL default cannot be, or which change from run to run, are given values by every row. */
export function randomColumn(random: Random, name: string, canBeRequired = true): FuzzColumn {
  const type = randomType(random);
  const isNullable = type.sql !== 'required' && (!canBeRequired || chance(random, 0.6));
  const rest = `${isNullable ? '' : ' NOT NULL'}${chance(random, 0.35) ? defaultOf(random, type) : ''}`;
  const isBig = bigTypes.includes(type.sql) && chance(random, 0.3);
  return {
    name,
    type,
    isNullable,
    rest: rest.replace(' NOT NULL DEFAULT NULL', ' NOT NULL'),
    isGenerated: false,
    isBig,
  };
}

const int: FuzzType = { sql: 'int', values: ['1'] };

const special = (random: Random, isPlain: boolean): FuzzColumn[] => {
  const column = (name: string, sql: string, rest: string): FuzzColumn => {
    return { name, type: { sql, values: ['1'] }, isNullable: false, rest, isGenerated: true, isBig: false };
  };
  const columns: FuzzColumn[] = [];
  if (chance(random, 0.2)) columns.push(column('ser', pick(random, ['serial', 'bigserial', 'smallserial']), ''));
  if (chance(random, 0.2))
    columns.push(
      column(
        'ident',
        pick(random, ['int', 'bigint', 'smallint']),
        ` GENERATED ${pick(random, ['ALWAYS', 'BY DEFAULT'])} AS IDENTITY`,
      ),
    );
  // In a snapshot they are a deviation that is written down; as part of a full identity Postgres refuses them.
  if (!isPlain && chance(random, 0.2))
    columns.push(column('gen', 'int', ` GENERATED ALWAYS AS (id * 2) ${pick(random, ['STORED', 'VIRTUAL'])}`));
  return columns;
};

export function randomTable(random: Random, index: number): FuzzTable {
  const schema = chance(random, 0.2) ? pick(random, ['other', 'Odd Schema']) : 'public';
  const name = chance(random, 0.25) ? pick(random, oddTables) : `t${index}`;
  const hasRowsBefore = chance(random, 0.6);
  const names = Array.from({ length: 3 + random.below(14) }, (_, at) => `c${at}`);
  for (let odd = random.below(4); odd > 0; odd--) names[random.below(names.length)] = pick(random, oddColumns);
  const own = [...new Set(names)].map((column) => randomColumn(random, column));
  const id: FuzzColumn = {
    name: 'id',
    type: int,
    isNullable: false,
    rest: ' NOT NULL',
    isGenerated: false,
    isBig: false,
  };
  const shape = pick(random, ['id', 'id', 'id', 'typed', 'typed', 'none', 'unique']);
  const columns = [id, ...own, ...special(random, hasRowsBefore || shape === 'none' || shape === 'unique')];
  const more = own
    .filter(({ type, isNullable, isBig }) => type.isKeyable && !isNullable && !isBig)
    .slice(0, 2)
    .map((column) => column.name);
  const key =
    shape === 'none'
      ? []
      : shape === 'typed'
        ? chance(random, 0.5)
          ? [...more, 'id']
          : ['id', ...more.reverse()]
        : ['id'];
  const table = {
    schema,
    name,
    columns: shuffled(random, columns),
    key: shape === 'unique' ? [] : key,
    hasRowsBefore,
    rows: [],
    before: [],
  };
  return { ...table, declaration: declare(random, table, shape, key) };
}

function shuffled(random: Random, columns: FuzzColumn[]): FuzzColumn[] {
  if (chance(random, 0.5)) return columns;
  return columns
    .map((column) => ({ column, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ column }) => column);
}

function declare(random: Random, table: Omit<FuzzTable, 'declaration'>, shape: string, key: readonly string[]): string {
  const full = fullName({ ...table, declaration: '' });
  const lines = table.columns.map(({ name, type, rest }) => `${quoted(name)} ${type.sql}${rest}`);
  if (table.key.length > 0) lines.push(`PRIMARY KEY (${key.map(quoted).join(', ')})`);
  const statements = [`CREATE TABLE ${full} (${lines.join(',\n  ')})`];
  if (shape === 'unique') statements.push(`CREATE UNIQUE INDEX uq_${full.length}_${random.below(1e9)} ON ${full} (id)`);
  for (const { name } of table.columns.filter(({ isBig }) => isBig))
    statements.push(`ALTER TABLE ${full} ALTER ${quoted(name)} SET STORAGE EXTERNAL`);
  const isFullable = !table.columns.some(({ name }) => name === 'gen');
  if (isFullable && (table.key.length === 0 || chance(random, 0.25)))
    statements.push(`ALTER TABLE ${full} REPLICA IDENTITY FULL`);
  return statements.join(';\n');
}

const LARGE = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)";

/** A value for a column, as SQL. */
export function randomValue(random: Random, column: FuzzColumn, isStreamed: boolean): string {
  const { type, isNullable, isBig } = column;
  if (isNullable && chance(random, 0.15)) return 'NULL';
  if (isBig && chance(random, 0.6)) {
    if (type.sql === 'bytea') return `convert_to(${LARGE}, 'UTF8')`;
    if (type.sql === 'jsonb') return `to_jsonb(${LARGE})`;
    return type.sql === 'text[]' ? `ARRAY[${LARGE}]` : `${LARGE}::${type.sql}`;
  }
  const values = isStreamed && type.streamed !== undefined && chance(random, 0.3) ? type.streamed : type.values;
  return literal(type, pick(random, values));
}
