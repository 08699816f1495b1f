import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import type { RecordValue, Schema } from '../../api/index.ts';
import type { ColumnType, CsvSettings } from '../source-config.ts';
import { Chunk } from './chunk.ts';
import { CsvCutter } from './csv.ts';

const settings = (extra: Partial<CsvSettings> = {}): CsvSettings => ({
  separator: 0x2c,
  quote: 0x22,
  hasHeader: true,
  columns: [],
  types: new Map(),
  skipLines: 0,
  schema: null,
  nullText: null,
  hasSchema: true,
  keyColumn: null,
  unclosedQuoteMs: 0,
  ...extra,
});

const chunkOf = (buffer: Buffer) => new Chunk({ buffer, lead: 0, base: 0, encoding: 'utf-8', needsUtf8: false });

function cutAll(text: string | Buffer, extra: Partial<CsvSettings> = {}) {
  const chunk = chunkOf(Buffer.from(text as string));
  const cutter = new CsvCutter(settings(extra));
  chunk.cursor = cutter.begin(chunk);
  const records: { schema: Schema | null; value: RecordValue; key: string | null }[] = [];
  const bad: { text: string; problem: string }[] = [];
  cutter.cut(chunk, Number.POSITIVE_INFINITY, {
    record: (schema, value, key) => records.push({ schema, value, key }),
    bad: (from, end, problem) => bad.push({ text: chunk.bytes.toString('utf8', from, end), problem }),
  });
  return { records, values: records.map((record) => record.value), bad, rest: chunk.end - chunk.cursor };
}

const types = (...pairs: [string, ColumnType][]) => new Map(pairs);

test('Fields become a struct of strings named by the header', () => {
  const { records } = cutAll('id,name\n1,Ada\n2,Bob\n', { keyColumn: 'id' });
  assert.deepEqual(
    records.map((record) => [record.key, record.value]),
    [
      ['1', { id: '1', name: 'Ada' }],
      ['2', { id: '2', name: 'Bob' }],
    ],
  );
  assert.deepEqual(
    records[0]!.schema!.fields!.map((field) => [field.name, field.schema.type, field.schema.optional]),
    [
      ['id', 'string', true],
      ['name', 'string', true],
    ],
  );
  assert.equal(records[0]!.schema, records[1]!.schema, 'one schema object for all records');
});

test('Quoted fields hold separators, doubled quotes and line ends; CRLF ends a record', () => {
  const { values } = cutAll('a,b\r\n"x,1","say ""hi"""\r\n"two\r\nlines",y\r\n');
  assert.deepEqual(values, [
    { a: 'x,1', b: 'say "hi"' },
    { a: 'two\r\nlines', b: 'y' },
  ]);
});

test('Too few or too many columns are bad input with a reason, and the next line goes on', () => {
  const { values, bad } = cutAll('a,b,c\n1,2\n1,2,3\n1,2,3,4\n"1",2\n4,5,6\n');
  assert.deepEqual(values, [
    { a: '1', b: '2', c: '3' },
    { a: '4', b: '5', c: '6' },
  ]);
  assert.deepEqual(bad, [
    { text: '1,2\n', problem: 'have 2 columns, the header has 3' },
    { text: '1,2,3,4\n', problem: 'have 4 columns, the header has 3' },
    { text: '"1",2\n', problem: 'have 2 columns, the header has 3' },
  ]);
});

test('A quote in the wrong place costs one line', () => {
  const { values, bad } = cutAll('a,b\n"x"y,1\n2,3\n');
  assert.deepEqual(values, [{ a: '2', b: '3' }]);
  assert.match(bad[0]!.problem, /text behind a closing quote/);
});

test('A record whose quote is still open is left for later, and given up one line at a time', () => {
  const { values, rest } = cutAll('a,b\n1,2\n3,"open\n5,6\n');
  assert.deepEqual(values, [{ a: '1', b: '2' }]);
  assert.equal(rest, '3,"open\n5,6\n'.length);

  const chunk = chunkOf(Buffer.from('3,"open\n5,6\n'));
  const cutter = new CsvCutter(settings({ hasHeader: false, columns: ['a', 'b'] }));
  const seen: unknown[] = [];
  const sink = {
    record: (_schema: Schema | null, value: RecordValue) => seen.push(value),
    bad: (from: number, end: number) => seen.push([from, end]),
  };
  cutter.giveUp(chunk, sink);
  cutter.cut(chunk, 10, sink);
  assert.deepEqual(seen, [[0, 8], { a: '5', b: '6' }]);
});

test('Typed columns become numbers and booleans, empty ones null, wrong ones bad input', () => {
  const typed = types(['n', 'int'], ['d', 'double'], ['b', 'boolean']);
  const { values, bad, records } = cutAll(
    'n,d,b,s\n1,2.5,true,\n,,,x\n9007199254740993,1e3,FALSE,y\n1.5,2,true,z\n1,2,yes,z\n',
    { types: typed },
  );
  assert.deepEqual(values, [
    { n: 1, d: 2.5, b: true, s: '' },
    { n: null, d: null, b: null, s: 'x' },
    { n: 9007199254740993n, d: 1000, b: false, s: 'y' },
  ]);
  assert.deepEqual(
    bad.map((piece) => piece.problem),
    [
      'have the value "1.5" where a column of type int is declared',
      'have the value "yes" where a column of type boolean is declared',
    ],
  );
  assert.deepEqual(
    records[0]!.schema!.fields!.map((field) => field.schema.type),
    ['int64', 'float64', 'boolean', 'string'],
  );
});

test('Blank lines are no records; a given text means null; UTF-8 survives', () => {
  const { values } = cutAll('a,b\n\n1,\\N\n\r\nü,"ö,€"\n', { nullText: '\\N' });
  assert.deepEqual(values, [
    { a: '1', b: null },
    { a: 'ü', b: 'ö,€' },
  ]);
});

test('A header that cannot work says so', () => {
  assert.throws(() => cutAll('a,a\n'), /names the column "a" twice/);
  assert.throws(
    () => cutAll('a,b\n', { keyColumn: 'id' }),
    /"key.column" names the column "id", but the file has a, b/,
  );
  assert.throws(() => cutAll('a,b\n', { types: types(['x', 'int']) }), /"csv.types" names the column "x"/);
});

test('Random CSV reads the same as csv-parse reads it', () => {
  const seed = Number(process.env.SEED ?? 20_261_122);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pieces = ['a', 'bc', 'ü', '€', ',', '"', '\n', '\r\n', ' ', '', '1'];
  const field = () => {
    const text = Array.from({ length: random(4) }, () => pieces[random(pieces.length)]).join('');
    const mustQuote = /[",\r\n]/.test(text);
    return mustQuote || random(4) === 0 ? `"${text.replaceAll('"', '""')}"` : text;
  };
  for (let round = 0; round < 300; round++) {
    const end = random(2) === 0 ? '\n' : '\r\n';
    const lines = Array.from({ length: 1 + random(6) }, () => `x${field()},${field()},${field()}`.replace(/^x"/, '"'));
    const text = `a,b,c${end}${lines.join(end)}${end}`;
    const expected = parse(text, { columns: true, record_delimiter: ['\r\n', '\n'] });
    assert.deepEqual(
      cutAll(text).values,
      expected.map((row) => ({ ...(row as object) })),
      `seed ${seed}, round ${round}: ${JSON.stringify(text)}`,
    );
  }
});
