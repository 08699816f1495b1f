/** Every case of cases.json against the transform it names: the table is the specification. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  type ConnectRecord,
  type ConnectValue,
  JsonText,
  type PredicatePlugin,
  parseConfig,
  type TransformPlugin,
} from '../api/index.ts';
import { transformPlugins } from './plugins.ts';

interface Case {
  readonly name: string;
  readonly transform: string;
  readonly config: Record<string, string>;
  readonly record: Record<string, unknown>;
  /** The members of the record that matter; null when it is dropped. */
  readonly result?: Record<string, unknown> | null;
  readonly error?: string;
}

const cases: Case[] = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8'));

/** `{"$json": text}`, `{"$date": ms}` and `{"$bigint": digits}` stand for what JSON has no word for. */
function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$json' in value) return new JsonText(Buffer.from(String(value.$json)));
  if ('$date' in value) return new Date(Number(value.$date));
  if ('$bigint' in value) return BigInt(String(value.$bigint));
  if (Array.isArray(value)) return value.map(revive);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revive(member)]));
}

const comparable = (value: unknown): unknown =>
  value instanceof JsonText ? `JSON text ${Buffer.from(value.bytes).toString()}` : value;

function recordOf(members: Record<string, unknown>): ConnectRecord {
  return {
    topic: 'topic',
    partition: null,
    keySchema: null,
    key: null,
    valueSchema: null,
    value: null,
    headers: [],
    timestamp: null,
    ...(revive(members) as Partial<ConnectRecord>),
  };
}

function apply({ transform: name, config, record }: Case): ConnectRecord | null {
  const plugin = transformPlugins.find(
    (each): each is TransformPlugin =>
      each.type === 'transformation' && (each.class === name || each.aliases?.includes(name) === true),
  );
  assert.ok(plugin, `There is no transform ${name}.`);
  const parsed = parseConfig(plugin.config, config);
  assert.deepEqual(parsed.problems, []);
  const transform = plugin.create();
  assert.ok(!(transform instanceof Promise));
  transform.configure(parsed.config);
  const given = recordOf(record);
  const before = JSON.stringify(given, printable);
  const result = transform.apply(given);
  assert.equal(JSON.stringify(given, printable), before, 'A transform must not change what it is given.');
  return result;
}

function printable(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : comparable(value);
}

describe('transforms', () => {
  for (const each of cases) {
    test(each.name, () => {
      if (each.error !== undefined) {
        assert.throws(() => apply(each), { message: each.error });
        return;
      }
      const result = apply(each);
      if (each.result == null) {
        assert.equal(result, null);
        return;
      }
      for (const [member, wanted] of Object.entries(each.result)) {
        const actual = result?.[member as keyof ConnectRecord];
        assert.deepEqual(comparable(actual), comparable(revive(wanted)), member);
      }
    });
  }
});

describe('predicates', () => {
  const holds = (name: string, config: Record<string, string>, record: Record<string, unknown>): boolean => {
    const plugin = transformPlugins.find(
      (each): each is PredicatePlugin => each.type === 'predicate' && each.class === name,
    );
    const predicate = plugin!.create();
    assert.ok(!(predicate instanceof Promise));
    predicate.configure(parseConfig(plugin!.config, config).config);
    return predicate.test(recordOf(record));
  };

  test('TopicNameMatches asks for the whole name', () => {
    assert.equal(holds('TopicNameMatches', { pattern: 'a.*' }, { topic: 'abc' }), true);
    assert.equal(holds('TopicNameMatches', { pattern: 'b' }, { topic: 'abc' }), false);
  });
  test('RecordIsTombstone looks at the value', () => {
    assert.equal(holds('RecordIsTombstone', {}, { value: null }), true);
    assert.equal(holds('RecordIsTombstone', {}, { value: '' }), false);
  });
  test('HasHeaderKey looks at the names', () => {
    const headers = [{ key: 'a', value: null as ConnectValue, schema: null }];
    assert.equal(holds('HasHeaderKey', { name: 'a' }, { headers }), true);
    assert.equal(holds('HasHeaderKey', { name: 'b' }, { headers }), false);
  });
});
