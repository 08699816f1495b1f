/** Lines for COPY from the bytes of records: what they hold, and which records are left to statements. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig, struct } from '../../api/index.ts';
import { isEqualButForDigits, memberBytes } from './json-bytes.ts';
import { toChange } from './sink-change.ts';
import { sinkSettings } from './sink-config.ts';
import { CopyLines, layoutOf, mayCopy, type RowLayout } from './sink-copy.ts';
import { json, sinkRecord } from './sink-harness.ts';
import { sinkConfigDefs } from './sink-keys.ts';
import type { TargetTable } from './target-tables.ts';

const table: TargetTable = {
  sql: '"t"',
  columns: new Map([
    ['id', 'bigint'],
    ['name', 'text'],
    ['price', 'numeric(10,2)'],
  ]),
  generated: new Set(['twice']),
  identities: new Set(),
  required: ['id'],
  uniques: [['id']],
  oid: 1,
  parents: [],
  isReferenced: false,
};
const settingsOf = (keys: Record<string, string> = {}) =>
  sinkSettings(parseConfig(sinkConfigDefs.own, { 'connection.url': 'postgres://host/db', ...keys }).config, 'own');
const settings = settingsOf();
const record = (value: string, key = '{"id":1}') => sinkRecord({ offset: 0, key: json(key), value: json(value) });
const event = (after: string, rest = '"source":{"lsn":12,"seq":"[\\"7\\"]"},"op":"c","ts_ms":3') =>
  `{"before":null,"after":${after},${rest}}`;
const learned = (value: string, given = settings, target = table): RowLayout | null =>
  layoutOf(toChange(record(value), given)!, target, given);

function lineOf(layout: RowLayout, value: string, key?: string): string | null {
  const one = record(value, key);
  const lines = new CopyLines(layout, one, 5);
  return lines.add(one) ? lines.bytes.subarray(5).toString() : null;
}

describe('a layout', () => {
  test('names the columns in the order of the members, those that the table makes itself left out', () => {
    const layout = learned('{"id":1,"twice":2,"name":"a"}')!;
    assert.equal(layout.sql, 'COPY "t" ("id", "name") FROM STDIN');
    assert.equal(lineOf(layout, '{"id":3,"twice":6,"name":"b"}'), '3\tb\n');
    assert.equal(lineOf(layout, '{"id":3,"twice":6,"name":null}'), '3\t\\N\n');
  });

  for (const [what, value] of [
    ['an update', event('{"id":1}', '"source":{},"op":"u"')],
    ['a delete', '{"before":{"id":1},"after":null,"source":{},"op":"d"}'],
    ['a row with a space in it', '{"id": 1}'],
    ['a name with an escape', '{"id":1,"n\\u0061me":"a"}'],
    ['an envelope with an escape by number', event('{"id":1}', '"source":{"db":"\\u0031"},"op":"c"')],
    ['a column that is not there', '{"id":1,"other":2}'],
  ] as const) {
    test(`is not made of ${what}`, () => {
      const change = toChange(record(value), settings);
      assert.equal(change === null ? null : layoutOf(change, table, settings), null);
    });
  }

  test('is not made for views, tables whose rows point to others, and columns that need more than their text, or a value', () => {
    assert.equal(learned('{"id":1}', settings, { ...table, parents: [2] }), null);
    assert.equal(learned('{"id":1}', settings, { ...table, uniques: null }), null);
    assert.equal(learned('{"id":1}', settings, { ...table, required: ['id', 'name'] }), null);
    const columns = new Map([...table.columns, ['name', 'jsonb']]);
    assert.equal(learned('{"id":1,"name":"a"}', settings, { ...table, columns }), null);
  });

  test('is made for instants, which are read as such in columns that keep their zone only', () => {
    const schema = { type: 'string', name: 'io.debezium.time.ZonedTimestamp' } as const;
    const valueSchema = struct(undefined, [{ name: 'at', schema }]);
    const keyless = settingsOf({ 'pk.mode': 'none', 'insert.mode': 'insert' });
    const instant = { ...record('{"at":"2026-01-01T00:00:00Z"}'), valueSchema };
    const of = (type: string) => {
      const target = { ...table, columns: new Map([['at', type]]), required: [] };
      return layoutOf(toChange(instant, keyless)!, target, keyless);
    };
    assert.notEqual(of('timestamp(3) with time zone'), null);
    assert.equal(of('timestamp without time zone'), null);
  });

  test('is asked for only where inserting is all there is to do', () => {
    assert.equal(mayCopy(settings), true);
    assert.equal(mayCopy(settingsOf({ 'insert.mode': 'insert' })), true);
    for (const keys of [
      { 'insert.mode': 'insert', 'delete.enabled': 'true' },
      { 'insert.mode': 'update' },
      { 'insert.mode': 'ignore' },
      { 'merge.newer.column': 'v' },
      { 'fields.whitelist': 'id' },
      { 'fields.blacklist': 'name' },
      { 'pk.mode': 'kafka' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's placeholder.
      { 'table.name.format': '${source.table}' },
    ]) {
      assert.equal(mayCopy(settingsOf(keys)), false, JSON.stringify(keys));
    }
  });
});

describe('a line', () => {
  const layout = learned(event('{"id":1,"name":"a","price":"1.50"}'))!;

  for (const [name, line] of [
    ['"plain"', 'plain'],
    ['""', ''],
    ['null', '\\N'],
    ['12.5e3', '12.5e3'],
    ['true', 'true'],
    ['"a \\"quote\\", a \\\\ and a \\/"', 'a "quote", a \\\\ and a /'],
    ['"\\t\\n\\r\\b\\f"', '\\t\\n\\r\\b\\f'],
    ['"\\\\N"', '\\\\N'],
    ['"\\\\."', '\\\\.'],
    ['"größer 日本 🙂"', 'größer 日本 🙂'],
  ] as const) {
    test(`holds ${name} as ${line}`, () => {
      assert.equal(lineOf(layout, event(`{"id":7,"name":${name},"price":"2"}`)), `7\t${line}\t2\n`);
    });
  }

  for (const [what, value, key] of [
    ['an escape by number', event('{"id":1,"name":"\\u0000","price":"1"}')],
    ['an object', event('{"id":1,"name":{"a":1},"price":"1"}')],
    ['a list', event('{"id":1,"name":[1],"price":"1"}')],
    ['a value that the source did not send', event('{"id":1,"name":"__debezium_unavailable_value","price":"1"}')],
    ['another member', event('{"id":1,"name":"a","price":"1","more":1}')],
    ['a missing member', event('{"id":1,"name":"a"}')],
    [
      'another operation',
      event('{"id":1,"name":"a","price":"1"}', '"source":{"lsn":12,"seq":"[\\"7\\"]"},"op":"u","ts_ms":3'),
    ],
    ['another source', event('{"id":1,"name":"a","price":"1"}', '"source":{"lsn":12,"seq":"[]"},"op":"c","ts_ms":3')],
    ['a row before', `{"before":{"id":1},${event('{"id":1,"name":"a","price":"1"}').slice(15)}`],
    ['a null in the key column', event('{"id":null,"name":"a","price":"1"}')],
    ['a space', event('{"id":1 ,"name":"a","price":"1"}')],
    ['a key of another make', event('{"id":1,"name":"a","price":"1"}'), '{"key":1}'],
    ['a key of more members', event('{"id":1,"name":"a","price":"1"}'), '{"id":1,"b":2}'],
    ['a null key', event('{"id":1,"name":"a","price":"1"}'), '{"id":null}'],
    ['an end too soon', event('{"id":1,"name":"a","price":"1"}').slice(0, 50)],
  ] as const) {
    test(`is not made of a record with ${what}`, () => assert.equal(lineOf(layout, value, key), null));
  }

  test('does not mind other digits in the envelope', () => {
    const value = event(
      '{"id":2,"name":"b","price":"1"}',
      '"source":{"lsn":99999,"seq":"[\\"8\\"]"},"op":"c","ts_ms":1',
    );
    assert.equal(lineOf(layout, value, '{"id":2}'), '2\tb\t1\n');
  });

  test('takes lines until its room is used up, and one record of any size', () => {
    const large = record(event(`{"id":1,"name":"${'x'.repeat(100_000)}","price":"1"}`));
    const alone = new CopyLines(layout, large, 5);
    assert.equal(alone.add(large), true);
    assert.equal(alone.bytes.length, 5 + 100_000 + 5);
    const small = record(event('{"id":1,"name":"a","price":"1"}'));
    const lines = new CopyLines(layout, small, 5);
    assert.equal(lines.add(large), false);
    while (lines.add(small));
    assert.equal(lines.bytes.length, 5 + lines.rows * '1\ta\t1\n'.length);
    assert.ok(lines.rows > 5000);
  });
});

describe('bytes', () => {
  for (const [text, known, isEqual] of [
    ['a1b', 'a1b', true],
    ['a123b', 'a1b', true],
    ['a1b', 'a123b', true],
    ['a19', 'a2', true],
    ['a2', 'a19', true],
    ['ab', 'a1b', false],
    ['a1b', 'ab', false],
    ['a1b2', 'a3b', false],
    ['a1b', 'a1b2', false],
    ['a1b', 'a1c', false],
    ['', 'a', false],
    ['', '', true],
  ] as const) {
    test(`"${text}" is ${isEqual ? '' : 'not '}"${known}" but for digits`, () => {
      assert.equal(isEqualButForDigits(Buffer.from(text), 0, Buffer.from(known)), isEqual);
    });
  }

  test('of an object are its members', () => {
    const text = '{"a":"x,}\\"","b":{"c":[1,{"d":2}]},"é":null}';
    const members = memberBytes(Buffer.from(text), 0)!;
    const bytes = Buffer.from(text);
    assert.deepEqual(
      members.map(({ name, start, end }) => [name, bytes.subarray(start, end).toString()]),
      [
        ['a', '"x,}\\""'],
        ['b', '{"c":[1,{"d":2}]}'],
        ['é', 'null'],
      ],
    );
    for (const other of ['[1]', '{"a":1', '{"a"', '{"a":1,"a":2}', '{ "a":1}', '"a"', '']) {
      assert.equal(memberBytes(Buffer.from(other), 0), null, other);
    }
  });
});
