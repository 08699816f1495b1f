/**
 * The stock transforms and predicates against what Kafka Connect's own answered (stock.golden.json, recorded by
 * test/compat/clients/connect/record-plugins.ts), on objects and, where there is no schema, on JSON text as well.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { asJsonText, readData, type WrittenData, writeData } from '../../test/kit/connect-data.ts';
import { type ConnectRecord, parseConfig, type RecordValue, type SinkRecord } from '../api/index.ts';
import { transformPlugins } from './plugins.ts';
import { type KnownDifference, knownDifferences } from './stock-differences.ts';

interface WrittenRecord {
  readonly topic?: string;
  readonly timestamp?: number;
  readonly key?: WrittenData;
  readonly value?: WrittenData;
  readonly headers?: readonly (WrittenData & { readonly name: string })[];
}

interface Case {
  readonly name: string;
  readonly class: string;
  readonly config: Readonly<Record<string, string>>;
  readonly sink?: boolean;
  readonly record: WrittenRecord;
  readonly result: WrittenRecord | boolean | null | { readonly error: string };
}

const cases: Case[] = JSON.parse(readFileSync(new URL('./stock.golden.json', import.meta.url), 'utf8'));

function recordOf({ record, sink }: Case, value: RecordValue | undefined): ConnectRecord | SinkRecord {
  const key = readData(record.key);
  const given = readData(record.value);
  const common: ConnectRecord = {
    topic: record.topic ?? 'topic',
    partition: sink === true ? 3 : null,
    keySchema: key.schema,
    key: key.value,
    valueSchema: given.schema,
    value: value ?? given.value,
    headers: (record.headers ?? []).map((header) => ({ key: header.name, ...readData(header) })),
    timestamp: record.timestamp ?? null,
  };
  return sink === true ? { ...common, originalTopic: common.topic, originalPartition: 3, offset: 42 } : common;
}

/** What our plugin answers, in the words of the table. */
function answer(each: Case, value?: RecordValue): unknown {
  try {
    const plugin = transformPlugins.find((one) => one.aliases?.includes(each.class) === true);
    assert.ok(plugin?.type === 'transformation' || plugin?.type === 'predicate');
    const { config, problems } = parseConfig(plugin.config, each.config);
    if (problems.length > 0) return 'refused';
    const instance = plugin.create();
    assert.ok(!(instance instanceof Promise));
    instance.configure(config);
    const record = recordOf(each, value);
    if ('test' in instance) return instance.test(record);
    const result = instance.apply(record);
    return result === null ? null : written(result);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return 'refused';
  }
}

function written(record: ConnectRecord): unknown {
  return {
    topic: record.topic,
    ...(record.timestamp === null ? {} : { timestamp: record.timestamp }),
    key: writeData({ schema: record.keySchema, value: record.key }),
    value: writeData({ schema: record.valueSchema, value: record.value }),
    headers: record.headers.map(({ key, schema, value }) => ({ ...writeData({ schema, value }), name: key })),
  };
}

const isRefusal = (result: Case['result']) => typeof result === 'object' && result !== null && 'error' in result;

/** In JSON text times are numbers and bytes are base64. */
function inJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inJson);
  if ('$date' in value) return value.$date;
  if ('$bytes' in value) return value.$bytes;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inJson(member)]));
}

describe('the stock transforms and predicates answer as Kafka Connect’s', () => {
  const met = new Set<KnownDifference>();
  const differenceOf = (name: string) => knownDifferences.find(({ cases: names }) => names.test(name));
  for (const each of cases) {
    const wanted = isRefusal(each.result) ? 'refused' : each.result;
    test(each.name, () => {
      const difference = differenceOf(each.name);
      if (difference !== undefined) {
        met.add(difference);
        assert.notDeepEqual(answer(each), wanted, `"${difference.why}" is no difference any more. Remove it.`);
        return;
      }
      assert.deepEqual(answer(each), wanted);
      const text = asJsonText(each.record.value ?? {});
      if (text !== null) assert.deepEqual(inJson(answer(each, text)), inJson(wanted), 'as JSON text');
    });
  }

  test('every known difference is one', () => {
    assert.deepEqual(
      knownDifferences.filter((each) => !met.has(each)).map(({ why }) => why),
      [],
    );
  });
});
