import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assignmentOf, conditionOf, type Edit, editedRecord, patchOf } from './edit.ts';
import { type DeadLetter, shapeOf } from './letters.ts';

function letter(value: string | Buffer | null, key = 'k', headers: Record<string, string> = { h: '1' }): DeadLetter {
  const original = {
    topic: 'orders',
    partition: 2,
    offset: 9,
    timestamp: 5,
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value as string),
    headers: Object.entries(headers).map(([name, text]) => ({ key: name, value: Buffer.from(text) })),
  };
  const cause = {
    connector: 'c',
    task: '0',
    stage: 'TASK_PUT',
    class: 'X',
    error: 'DataError',
    message: 'no',
    source: null,
  };
  const record = { ...original, topic: 'dlq', partition: 0, offset: 1 };
  return { record, place: 'dlq-0@1', original, cause, group: 'g', isResolved: false };
}

const valueAfter = (given: DeadLetter, ...edits: Edit[]) => editedRecord(given, edits).value?.toString();

describe('an assignment', () => {
  it('sets a field, a nested one, a member of a list, or the whole value', () => {
    const order = letter('{"amount":"12.5","lines":[{"n":1}]}');
    assert.equal(
      valueAfter(order, assignmentOf('value.amount = double(value.amount) * 2')),
      '{"amount":25,"lines":[{"n":1}]}',
    );
    assert.equal(
      valueAfter(order, assignmentOf('value.lines[0].n = value.lines[0].n + 1')),
      '{"amount":"12.5","lines":[{"n":2}]}',
    );
    assert.equal(
      valueAfter(order, assignmentOf('value.new.deep = "x"')),
      '{"amount":"12.5","lines":[{"n":1}],"new":{"deep":"x"}}',
    );
    assert.equal(valueAfter(order, assignmentOf('value = {"a": 1, "b": "x"}')), '{"a":1,"b":"x"}');
    assert.equal(valueAfter(order, assignmentOf('value = null')), undefined);
  });

  it('sets key, headers and topic, and leaves the bytes of all else alone', () => {
    const spaced = letter('{ "a" : 1 }');
    const edited = editedRecord(spaced, [
      assignmentOf('key = "new"'),
      assignmentOf('headers.fixed = "yes"'),
      assignmentOf('topic = topic + "-retry"'),
    ]);
    assert.deepEqual(
      [edited.key?.toString(), edited.value?.toString(), edited.topic],
      ['new', '{ "a" : 1 }', 'orders-retry'],
    );
    assert.deepEqual(
      edited.headers.map(({ key, value }) => [key, value?.toString()]),
      [
        ['h', '1'],
        ['fixed', 'yes'],
      ],
    );
    assert.equal(editedRecord(spaced, []), spaced.original);
  });

  it('keeps 64-bit numbers, text that is no JSON, and the schema id of a registry', () => {
    assert.equal(
      valueAfter(letter('{"id":9007199254740993,"a":1}'), assignmentOf('value.a = 2')),
      '{"id":9007199254740993,"a":2}',
    );
    assert.equal(valueAfter(letter('plain text'), assignmentOf('value = value + "!"')), 'plain text!');
    const prefixed = Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), Buffer.from('{"a":1}')]);
    const edited = editedRecord(letter(prefixed), [assignmentOf('value.a = 2')]).value!;
    assert.deepEqual([...edited.subarray(0, 5)], [0, 0, 0, 0, 7]);
    assert.equal(Buffer.from(edited.subarray(5)).toString(), '{"a":2}');
  });

  it('is refused with a sentence where it is none, and where a record does not fit it', () => {
    assert.throws(() => assignmentOf('value.amount'), /is no assignment/);
    assert.throws(() => assignmentOf('value.amount == 1'), /is no assignment/);
    assert.throws(() => assignmentOf('value.amount = 1 +'), /is no CEL expression/);
    assert.throws(() => valueAfter(letter('{}'), assignmentOf('value.a = value.b')), /No such key: b/);
    assert.throws(() => valueAfter(letter('"text"'), assignmentOf('value.a = 1')), /There is no "a" to set in "text"/);
  });
});

describe('a condition', () => {
  it('sees the record and its cause; a field that is not there is a no', () => {
    const given = letter('{"amount":12}');
    for (const text of [
      'value.amount > 10',
      'error.stage == "TASK_PUT" && partition == 2',
      'headers.h == "1"',
      'key == "k"',
    ]) {
      assert.equal(conditionOf(text)(given), true, text);
    }
    assert.equal(conditionOf('value.other > 1')(given), false);
    assert.throws(() => conditionOf('value. >'), /--where is no CEL expression/);
  });
});

describe('a patch', () => {
  it('is a JSON Patch where it is a list', () => {
    const patch = patchOf(
      [
        { op: 'test', path: '/a/b', value: 1 },
        { op: 'replace', path: '/a/b', value: 2 },
        { op: 'add', path: '/list/0', value: 'x' },
        { op: 'add', path: '/list/-', value: 'z' },
        { op: 'remove', path: '/gone' },
        { op: 'add', path: '/sl~1ash', value: true },
      ],
      'p.json',
    );
    const given = letter('{"a":{"b":1},"list":["y"],"gone":1}');
    assert.equal(valueAfter(given, patch), '{"a":{"b":2},"list":["x","y","z"],"sl/ash":true}');
    assert.throws(() => valueAfter(letter('{"a":{"b":3}}'), patch), /The test of \/a\/b failed: it is 3/);
    assert.throws(
      () => valueAfter(letter('{}'), patchOf([{ op: 'remove', path: '/x' }], 'p')),
      /nothing at \/x to remove/,
    );
    assert.throws(() => patchOf([{ op: 'jump', path: '/x' }], 'p'), /step 1 has the op "jump"/);
  });

  it('is a merge patch where it is an object', () => {
    const patch = patchOf({ a: { b: null, c: 3 }, d: [1] }, 'p.json');
    assert.equal(valueAfter(letter('{"a":{"b":1},"e":5}'), patch), '{"a":{"c":3},"e":5,"d":[1]}');
  });
});

describe('the shape of a message', () => {
  it('is the same for records of one cause', () => {
    const shape = shapeOf(
      'The value "abc" of field \'x\' at offset 17 is 3.5 too large (id 0b0d8fc0-1234-1234-1234-123456789abc).\nmore',
    );
    assert.equal(shape, 'The value "…" of field \'…\' at offset N is N too large (id …).');
  });
});
