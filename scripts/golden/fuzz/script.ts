/**
 * A seed's scenario: tables, a configuration, rows that are there before and what happens to them afterwards. The same seed is the
 * same scenario.
 */
import type { DebeziumScenario } from '../../../test/kit/debezium-scenarios.ts';
import { seededRandom } from '../../../test/kit/random.ts';
import { randomConfig, typeModes } from './config.ts';
import {
  chance,
  type FuzzColumn,
  type FuzzTable,
  fullName,
  pick,
  quoted,
  type Random,
  randomColumn,
  randomTable,
  randomValue,
} from './tables.ts';
import { type FuzzType, literal, typesSetup } from './types.ts';

export interface FuzzScenario extends DebeziumScenario {
  readonly tables: readonly FuzzTable[];
}

const STEPS = 14;

export function fuzzScenario(seed: number): FuzzScenario {
  const random = seededRandom(seed);
  const tables = distinct(Array.from({ length: 1 + random.below(3) }, (_, index) => randomTable(random, index)));
  const rows = tables
    .filter(({ hasRowsBefore }) => hasRowsBefore)
    .flatMap((table) => [insert(random, table, false), insert(random, table, false)]);
  const setup = [
    typesSetup,
    'CREATE SCHEMA "Odd Schema";',
    ...tables.map(({ declaration }) => `${declaration};`),
    ...rows.map((row) => `${row};`),
  ].join('\n');
  const config = randomConfig(random, tables);
  const steps = Array.from({ length: STEPS }, () => step(random, tables));
  return { name: `seed ${seed}`, tables, setup, config, steps, isSettling: true };
}

/** One type in all its places: with and without null, in lists, with every default, in snapshot, stream and old rows; modes by seed. */
export function typeScenario(type: FuzzType, seed: number): FuzzScenario {
  const random = seededRandom(seed);
  const expressions = (type.expressions ?? []).map((expression) => `(${expression})`);
  const literals = type.values
    .slice(0, 3)
    .flatMap((value) => [literal(type, value), ...(type.isExpression ? [] : [`'${value}'`])]);
  const defaults = [...expressions, ...literals].flatMap((value) => [
    ` DEFAULT ${value}`,
    ` NOT NULL DEFAULT ${value}`,
  ]);
  const columns = ['', ' NOT NULL', ...defaults].map((rest, index): FuzzColumn => {
    return { name: `c${index}`, type, isNullable: !rest.includes('NOT NULL'), rest, isGenerated: false, isBig: false };
  });
  const lines = columns.map(({ name, rest }) => `${name} ${type.sql}${rest}`).join(', ');
  const row = (id: number, value: string, isNull = false) =>
    `INSERT INTO t VALUES (${[id, ...columns.map(({ isNullable }) => (isNull && isNullable ? 'NULL' : literal(type, value)))].join(', ')})`;
  const before = type.values.map((value, index) => `${row(index, value)};`).join('\n');
  const streamed = [...type.values, ...(type.streamed ?? [])].map((value, index) => row(100 + index, value));
  const steps = [
    'DELETE FROM t WHERE id = 0',
    ...streamed,
    row(99, type.values[0]!, true),
    'ALTER TABLE t REPLICA IDENTITY FULL',
    'UPDATE t SET id = id + 1000 WHERE id > 98',
    'DELETE FROM t WHERE id > 1098',
  ];
  const setup = `${typesSetup} CREATE TABLE t (id int PRIMARY KEY, ${lines}); ${before}`;
  const table: FuzzTable = {
    schema: 'public',
    name: 't',
    columns,
    key: ['id'],
    declaration: '',
    hasRowsBefore: true,
    rows: [],
    before: [],
  };
  return { name: type.sql, tables: [table], setup, steps, config: typeModes(random), isSettling: true };
}

function distinct(tables: readonly FuzzTable[]): FuzzTable[] {
  return [...new Map(tables.map((table) => [`${table.schema}.${table.name}`, table])).values()];
}

function step(random: Random, tables: readonly FuzzTable[]): string {
  const table = pick(random, tables);
  const dice = random.next();
  if (dice < 0.06) return alter(random, table);
  if (dice < 0.1) return truncate(random, tables);
  if (dice < 0.14)
    return `SELECT pg_logical_emit_message(${chance(random, 0.5)}, '${pick(random, ['audit', 'skipped', 'ä'])}', '${pick(random, ['', 'plain', 'é'])}')`;
  if (dice < 0.24)
    return `BEGIN; ${change(random, table)}; SAVEPOINT s; ${change(random, pick(random, tables))}; ${pick(random, ['ROLLBACK TO s', 'RELEASE s'])}; ${change(random, pick(random, tables))}; COMMIT`;
  if (dice < 0.34) return `BEGIN; ${change(random, table)}; ${change(random, pick(random, tables))}; COMMIT`;
  return change(random, table);
}

function change(random: Random, table: FuzzTable): string {
  if (table.rows.length === 0 || chance(random, 0.4)) return insert(random, table, true);
  const dice = random.next();
  const row = pick(random, table.rows);
  if (dice < 0.5) return update(random, table, row);
  if (dice < 0.65) return changeKey(random, table, row);
  return remove(random, table, row);
}

function insert(random: Random, table: FuzzTable, isStreamed: boolean): string {
  const id = 1 + random.below(1_000_000);
  table.rows.push(id);
  const given = table.columns.filter(({ isGenerated }) => !isGenerated);
  const values = given.map((column) => (column.name === 'id' ? id : randomValue(random, column, isStreamed)));
  return `INSERT INTO ${fullName(table)} (${given.map(({ name }) => quoted(name)).join(', ')}) VALUES (${values.join(', ')})`;
}

function update(random: Random, table: FuzzTable, row: number): string {
  const free = table.columns.filter(({ name, isGenerated }) => !isGenerated && name !== 'id');
  if (free.length === 0) return insert(random, table, true);
  const column = pick(random, free);
  return `UPDATE ${fullName(table)} SET ${quoted(column.name)} = ${randomValue(random, column, true)} WHERE id = ${row}`;
}

function changeKey(random: Random, table: FuzzTable, row: number): string {
  const id = 1 + random.below(1_000_000);
  table.rows = [...table.rows.filter((other) => other !== row), id];
  return `UPDATE ${fullName(table)} SET id = ${id} WHERE id = ${row}`;
}

function remove(_: Random, table: FuzzTable, row: number): string {
  table.rows = table.rows.filter((other) => other !== row);
  return `DELETE FROM ${fullName(table)} WHERE id = ${row}`;
}

function truncate(random: Random, tables: readonly FuzzTable[]): string {
  const emptied = tables.filter(() => chance(random, 0.6));
  if (emptied.length === 0) emptied.push(pick(random, tables));
  for (const table of emptied) table.rows = [];
  return `TRUNCATE ${emptied.map(fullName).join(', ')}`;
}

/** A table's shape changes; key columns stay. */
function alter(random: Random, table: FuzzTable): string {
  const full = fullName(table);
  const free = table.columns.filter(
    ({ name, isGenerated }) => name !== 'id' && !isGenerated && !table.key.includes(name),
  );
  const dice = random.next();
  if (dice < 0.4 || free.length === 0) {
    const added = randomColumn(random, `n${1 + random.below(1_000_000)}`, false);
    table.columns = [...table.columns, added];
    return `ALTER TABLE ${full} ADD ${quoted(added.name)} ${added.type.sql}${added.rest}`;
  }
  const column = pick(random, free);
  if (dice < 0.8) table.before.push(column);
  if (dice < 0.6) {
    table.columns = table.columns.filter((other) => other !== column);
    return `ALTER TABLE ${full} DROP ${quoted(column.name)}`;
  }
  if (dice < 0.8) {
    const name = `r${1 + random.below(1_000_000)}`;
    table.columns = table.columns.map((other) => (other === column ? { ...column, name } : other));
    return `ALTER TABLE ${full} RENAME ${quoted(column.name)} TO ${quoted(name)}`;
  }
  return `ALTER TABLE ${full} ALTER ${quoted(column.name)} DROP DEFAULT`;
}
