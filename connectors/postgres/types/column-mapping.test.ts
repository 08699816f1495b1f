/** The type table: text of Postgres in, JSON out, by mode. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mapColumn } from './column-mapping.ts';
import { JsonWriter } from './json-writer.ts';
import type { PgType } from './mapping.ts';
import { debeziumModes as debezium, ourModes as ours } from './type-modes-fixture.ts';

const base = (name: string): PgType => ({ oid: 1, name, kind: 'b' });
const modifierOf = (precision: number, scale: number) => ((precision << 16) | scale) + 4;

function written(type: PgType | string, text: string, modes = ours, modifier = -1): string {
  const mapping = mapColumn(typeof type === 'string' ? base(type) : type, modifier, modes)!;
  const out = new JsonWriter();
  const source = Buffer.from(`<${text}>`);
  mapping.write(out, source, 1, source.length - 1);
  return out.take().toString();
}

describe('type table', () => {
  test('integers and floats keep the digits Postgres wrote', () => {
    assert.equal(written('int8', '9223372036854775807'), '9223372036854775807');
    assert.equal(written('float8', '1.5e+300'), '1.5e+300');
    assert.equal(written('float8', 'NaN'), '"NaN"');
    assert.equal(written('float4', '-Infinity'), '"-Infinity"');
    assert.equal(written('bool', 't'), 'true');
  });

  test('text is escaped where JSON demands it, and nowhere else', () => {
    assert.equal(written('text', 'a"b\\c\n\t\u0001é€😀/'), '"a\\"b\\\\c\\n\\t\\u0001é€😀/"');
    for (const text of ['', 'plain', 'ü'.repeat(300_000)]) assert.equal(JSON.parse(written('text', text)), text);
  });

  test('decimals are exact text, bytes at a scale, or a float, as the mode says', () => {
    assert.equal(written('numeric', '-1.50'), '"-1.50"');
    assert.equal(written('numeric', '1.50', debezium, modifierOf(5, 2)), '"AJY="');
    assert.equal(written('numeric', '-1.50', debezium, modifierOf(5, 2)), '"/2o="');
    assert.equal(written('numeric', '1.5', debezium), '{"scale":1,"value":"Dw=="}');
    assert.equal(written('numeric', 'NaN', debezium, modifierOf(5, 2)), 'null');
    assert.equal(written('numeric', '1.50', { ...ours, decimal: 'double' }), '1.5');
    assert.equal(written('money', '-$1,234.50'), '"-1234.50"');
  });

  test('times are RFC 3339 in our mode, with the words of Postgres where that has none', () => {
    assert.equal(written('timestamp', '2024-02-29 12:00:00.123456'), '"2024-02-29T12:00:00.123456Z"');
    assert.equal(written('timestamptz', '2024-02-29 12:00:00+00'), '"2024-02-29T12:00:00Z"');
    assert.equal(written('timestamp', 'infinity'), '"infinity"');
    assert.equal(written('timestamptz', '0044-03-15 12:00:00+00 BC'), '"0044-03-15 12:00:00+00 BC"');
    assert.equal(written('date', '2024-02-29'), '"2024-02-29"');
    assert.equal(written('timetz', '10:00:00.5+02'), '"08:00:00.5Z"');
    assert.equal(written('interval', '1 year 2 mons -3 days -04:05:06.789'), '"P1Y2M-3DT-4H-5M-6.789S"');
    assert.equal(written('interval', 'infinity'), '"infinity"');
    assert.equal(written('interval', '-infinity'), '"-infinity"');
  });

  test("times are numbers in Debezium's modes, by precision", () => {
    assert.equal(written('timestamp', '1969-12-31 23:59:59.9999', debezium), '-100');
    assert.equal(written('timestamp', '1969-12-31 23:59:59.999', debezium, 3), '-1');
    assert.equal(written('timestamp', '1969-12-31 23:59:59.9999', { ...debezium, time: 'connect' }), '-1');
    assert.equal(
      written('timestamp', '2024-01-01 00:00:00', { ...debezium, time: 'nanoseconds' }),
      '1704067200000000000',
    );
    assert.equal(written('timestamp', 'infinity', debezium), '9223372036854775807');
    assert.equal(written('timestamp', 'infinity', debezium, 3), '9223372036825200000');
    assert.equal(written('date', '0044-03-15 BC', debezium), '-735160');
    assert.equal(written('time', '24:00:00', debezium), '86400000000');
    assert.equal(written('interval', '1 mon', debezium), '2629800000000');
    assert.equal(written('interval', '-infinity', debezium), '-9223372036854775808');
  });

  test('arrays hold their elements, nulls and quotes included, at any depth', () => {
    const array = (name: string): PgType => ({ oid: 2, name: `_${name}`, kind: 'b', element: base(name) });
    assert.equal(written(array('int4'), '{1,NULL,-3}'), '[1,null,-3]');
    assert.equal(written(array('text'), '{"a,b","NULL",NULL,"q\\"x\\\\"}'), '["a,b","NULL",null,"q\\"x\\\\"]');
    assert.equal(written(array('int4'), '[0:1][1:2]={{1,2},{3,4}}'), '[[1,2],[3,4]]');
    assert.equal(written(array('bool'), '{}'), '[]');
    const boxes: PgType = { oid: 2, name: '_box', kind: 'b', element: { ...base('box'), delimiter: ';' } };
    assert.equal((JSON.parse(written(boxes, '{(1,1),(0,0);NULL;(2,2),(1,1)}')) as unknown[]).length, 3);
  });

  test('domains are their base, enums tell what they allow, unknown types follow their switch', () => {
    const domain: PgType = {
      oid: 3,
      name: 'cents',
      kind: 'd',
      base: { type: base('numeric'), modifier: modifierOf(9, 2) },
    };
    assert.equal(written(domain, '1.50', debezium), '"AJY="');
    const mood: PgType = { oid: 4, name: 'mood', kind: 'e', labels: ['sad', 'ok'] };
    assert.deepEqual(mapColumn(mood, -1, ours)!.schema.parameters, { allowed: 'sad,ok' });
    assert.equal(mapColumn(base('my_composite'), -1, debezium), null);
    assert.equal(written('my_composite', '(1,2)'), '"(1,2)"');
  });

  test("a list of a domain's values is a list of unknown ones under Debezium's class name, and of its base under ours", () => {
    const short: PgType = { oid: 2, name: 'short', kind: 'd', base: { type: base('varchar'), modifier: 9 } };
    const list: PgType = { oid: 3, name: '_short', kind: 'b', element: short };
    const compatible = { ...debezium, isCompatible: true };
    assert.equal(written(list, '{abc,NULL}', { ...compatible, includeUnknown: true }), '["YWJj",null]');
    assert.equal(written(list, '{abc,NULL}'), '["abc",null]');
    assert.equal(mapColumn(list, -1, compatible), null);
  });

  test('bytes, bits, points, hstore and JSON have the forms of Debezium', () => {
    assert.equal(written('bytea', '\\xdeadbeef'), '"3q2+7w=="');
    assert.equal(written('bytea', '\\xdeadbeef', { ...ours, binary: 'hex' }), '"deadbeef"');
    assert.equal(written('bit', '10101', ours, 5), '"FQ=="');
    assert.equal(written('bit', '1', ours, 1), 'true');
    assert.equal(written('jsonb', '{"a": 1.0}'), '"{\\"a\\": 1.0}"');
    assert.equal(written('hstore', '"a"=>"1", "b"=>NULL'), '"{\\"a\\":\\"1\\",\\"b\\":null}"');
    assert.deepEqual(JSON.parse(written('point', '(1.5,-2)')).wkb, 'AQEAAAAAAAAAAAD4PwAAAAAAAADA');
  });
});
