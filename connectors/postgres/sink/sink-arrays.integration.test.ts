/**
 * Rows travel as arrays or as JSON; the server must make the same rows of both. What is in the way of arrays is one escape by
 * number anywhere in the batch, so each batch is put once without and once with a row that has one.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import { DataError } from '../../api/index.ts';
import { json, sinkRecord, sinkTarget, startSink } from './sink-harness.ts';

const COLUMNS =
  'id bigint PRIMARY KEY, t text, v varchar(8), n numeric(8,2), f float8, r real, i int, s smallint, b boolean, u uuid, ' +
  'd date, ts timestamp(3), tz timestamptz, tm time, iv interval, j json, jb jsonb, ba bytea';

/** Of a column, each with everything else null: nasty, but right. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  t: ['""', '"null"', 'null', '"{a,b}"', '"\\"\\\\"', '" a "', '"a\\nb\\t"', '"é😀"', '12.50', 'true', '{"a":"b\\\\"}'],
  v: ['"12345678"', '"1234567   "', '""'],
  n: ['1.005', '"1.005"', '-0', '1e3', '"NaN"'],
  f: ['1e-300', '"Infinity"', '0.1'],
  r: ['0.1', '"-Infinity"'],
  i: ['-5', '"7"'],
  s: ['32767'],
  b: ['true', 'false', '"yes"'],
  u: ['"7f1e9d3c-0b5a-4d2e-9d6f-0c1b2a3d4e5f"'],
  d: ['"2026-11-21"', '"infinity"'],
  ts: ['"2026-11-21T18:00:00.1235"', '"-infinity"'],
  tz: ['"2026-11-21T18:00:00.123456Z"', '"0044-03-15 12:00:00 BC"'],
  tm: ['"18:00:00.5"'],
  iv: ['"P1DT2H"'],
  j: ['{"a": [1, "x\\"y", null]}', '[]', '1.0', '"\\"text\\""', 'null'],
  jb: ['{"b": 1, "a": 2}', 'true'],
  ba: ['"\\\\x00ff"', '"AP8="', '"xP8="'],
};

/** What no way may take. */
const WRONG: readonly (readonly [string, string])[] = [
  ['v', '"123456789"'],
  ['n', '1234567.8'],
  ['i', '1.5'],
  ['i', '{"a":1}'],
  ['s', '40000'],
  ['b', '"perhaps"'],
  ['u', '""'],
];

describe('rows as arrays and as JSON', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const names = COLUMNS.match(/(?<=^|, )\w+/g)!;
  const rowText = (id: number, column: string, value: string) =>
    `{${names.map((name) => `"${name}":${name === 'id' ? id : name === column ? value : 'null'}`).join()}}`;
  const escaped = rowText(0, 't', '"\\u00e9"');
  const recordOf = (offset: number, text: string) =>
    sinkRecord({ offset, key: json(`{"id":${JSON.parse(text).id}}`), value: json(text) });

  const target = () => sinkTarget(server, `CREATE TABLE t (${COLUMNS})`);

  /** The rows that a batch leaves, but for that with the escape. */
  async function put(texts: readonly string[]): Promise<unknown[]> {
    const { client, url } = await target();
    const sink = await startSink({ 'connection.url': url }, [{ topic: 't', partition: 0 }]);
    await sink.task.put(texts.map((text, offset) => recordOf(offset, text)));
    await sink.stop();
    const { rows } = await client.query('SELECT to_json(x)::text AS row FROM t x WHERE id > 0 ORDER BY id');
    return rows;
  }

  test('the same values come out of both, whatever they hold', async () => {
    const cells = Object.entries(VALUES).flatMap(([column, values]) => values.map((value) => [column, value] as const));
    const texts = cells.map(([column, value], index) => rowText(index + 1, column, value));
    const arrays = await put(texts);
    const jsons = await put([...texts, escaped]);
    assert.equal(arrays.length, cells.length);
    assert.deepEqual(arrays, jsons);
  });

  test('bytes in base64 may begin with an x, and bytes in hexadecimal begin with its mark', async () => {
    const texts = ['"xP8="', '"\\\\x00ff"'].map((value, index) => rowText(index + 1, 'ba', value));
    const rows = (await put(texts)) as { row: string }[];
    assert.deepEqual(
      rows.map(({ row }) => JSON.parse(row).ba),
      ['\\xc4ff', '\\x00ff'],
    );
  });

  test('what a column cannot hold is a bad record in both', async () => {
    const { url } = await target();
    const sink = await startSink({ 'connection.url': url }, [{ topic: 't', partition: 0 }]);
    for (const [column, value] of WRONG) {
      const text = rowText(1, column, value);
      for (const texts of [[text], [text, escaped]]) {
        const records = texts.map((each, offset) => recordOf(offset, each));
        await assert.rejects(async () => sink.task.put(records), DataError, `${column} ${value}`);
      }
    }
    await sink.stop();
  });
});
