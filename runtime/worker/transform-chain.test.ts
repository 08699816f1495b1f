/**
 * Chains that change drafts in place answer what chains of single copies answer, leave alone what they are given, and hand
 * out nothing they write to again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConnectRecord,
  type ConnectValue,
  JsonText,
  LogicalNames,
  type PredicatePlugin,
  parseConfig,
  plainValue,
  RecordDraft,
  Schemas,
  type SourceRecord,
  struct,
  type Transform,
  type TransformPlugin,
} from '../../connectors/api/index.ts';
import { jsonPlugin } from '../../connectors/converters/json.ts';
import { transformPlugins } from '../../connectors/transforms/plugins.ts';
import { seededRandom } from '../../test/kit/random.ts';
import { Conversion, StageFailure } from './conversion.ts';
import type { ConnectorPlan, TransformStep } from './plan.ts';
import { TransformChain } from './transform-chain.ts';

type Configured = readonly [name: string, config: Readonly<Record<string, string>>, predicate?: string];

const insert = (field: string): Configured => ['InsertField$Value', { 'static.field': field, 'static.value': 'x' }];

/** Chains are made of these. Predicates: `Tombstone` is negated, `Orders` asks for the topic, `Foreign` is nobody's we know. */
const available: readonly Configured[] = [
  insert('added'),
  insert('id'),
  ['InsertField$Value', { 'static.field': 'more', 'static.value': 'y', 'topic.field': 'topic' }, 'Tombstone'],
  ['InsertField$Value', { 'timestamp.field': 'at' }],
  ['InsertField$Value', { 'static.field': 'constructor', 'static.value': 'z', 'topic.field': '__proto__' }],
  ['InsertField$Key', { 'static.field': 'added', 'static.value': 'k' }],
  ['ReplaceField$Value', { exclude: 'note', renames: 'id:ident' }],
  ['ReplaceField$Value', { include: 'id,added,nested' }],
  ['MaskField$Value', { fields: 'note' }],
  ['MaskField$Value', { fields: 'id', replacement: 'masked' }, 'Foreign'],
  ['Cast$Value', { spec: 'size:string' }],
  ['TimestampConverter$Value', { field: 'time', 'target.type': 'unix' }],
  ['HoistField$Value', { field: 'nested' }],
  ['ExtractField$Value', { field: 'nested' }],
  ['ExtractField$Key', { field: 'id' }],
  ['ValueToKey', { fields: 'id,nested' }],
  ['Flatten$Value', { delimiter: '_' }],
  ['HeaderFrom$Value', { fields: 'nested', headers: 'nested', operation: 'copy' }],
  ['HeaderFrom$Value', { fields: 'id', headers: 'id', operation: 'move' }],
  ['InsertHeader', { header: 'h', 'value.literal': '1' }],
  ['DropHeaders', { headers: 'h' }],
  ['RegexRouter', { regex: 'orders', replacement: 'renamed' }, 'Orders'],
  ['SetSchemaMetadata$Value', { 'schema.name': 'named' }],
  ['Set', { 'value.key': 'key', key: 'value' }],
  ['Set', { value: 'key' }],
  ['Where', { condition: 'topic == "orders"' }],
  ['Filter', {}, 'Orders'],
  ['Same', {}],
  ['Remember', {}],
];

/** What a plugin of others was given, all of it, and what it said then: it may keep it. */
const remembered: { readonly record: ConnectRecord; readonly was: string }[] = [];

function remember(record: ConnectRecord): void {
  assert.ok(!(record instanceof RecordDraft));
  remembered.push({ record, was: JSON.stringify(shown(record)) });
}

const transformOf = (name: string, apply: (record: ConnectRecord) => ConnectRecord): TransformPlugin => ({
  type: 'transformation',
  class: name,
  version: '1',
  config: {},
  create: () => ({ configure() {}, apply: apply as Transform['apply'] }),
});
const foreign: PredicatePlugin = {
  type: 'predicate',
  class: 'Foreign',
  version: '1',
  config: {},
  create: () => ({
    configure() {},
    test(record) {
      remember(record);
      return true;
    },
  }),
};
const plugins = [
  ...transformPlugins,
  foreign,
  transformOf('Same', (record) => {
    remember(record);
    return record;
  }),
  transformOf('Remember', (record) => {
    remember(record);
    return { ...record };
  }),
];

const predicates: Readonly<Record<string, readonly [name: string, config: Readonly<Record<string, string>>]>> = {
  Tombstone: ['RecordIsTombstone', {}],
  Orders: ['TopicNameMatches', { pattern: 'orders' }],
  Foreign: ['Foreign', {}],
};

function configured<T extends 'transformation' | 'predicate'>(type: T, name: string, raw: Record<string, string>) {
  const plugin = plugins.find((each) => each.type === type && (each.class === name || each.aliases?.includes(name)))!;
  const { config, problems } = parseConfig(plugin.config, raw);
  assert.deepEqual(problems, []);
  return { alias: name, plugin: plugin as Extract<typeof plugin, { type: T }>, config };
}

function stepOf([name, config, predicate]: Configured, takesDrafts: boolean): TransformStep {
  const step = configured('transformation', name, config);
  const test = predicate === undefined ? null : configured('predicate', ...predicates[predicate]!);
  const single = <P extends { readonly plugin: object }>(part: P): P =>
    takesDrafts ? part : { ...part, plugin: { ...part.plugin, takesDrafts: false } };
  return {
    ...single(step),
    predicate: test === null ? null : single(test),
    negate: predicate === 'Tombstone',
  } as TransformStep;
}

async function conversionOf(chain: readonly Configured[], takesDrafts: boolean, hasSchemas: boolean) {
  const json = () => configuredJson(hasSchemas);
  const plan = {
    key: json(),
    value: json(),
    header: { plugin: { ...plugins[0], create: headers }, config: json().config },
    transforms: chain.map((each) => stepOf(each, takesDrafts)),
    settings: { string: () => '' },
  } as unknown as ConnectorPlan;
  return Conversion.create(plan, undefined);
}

const configuredJson = (hasSchemas: boolean) => ({
  plugin: jsonPlugin,
  config: parseConfig(jsonPlugin.config, { 'schemas.enable': String(hasSchemas) }).config,
});

const headers = () => ({
  configure() {},
  fromConnectHeader: (_: string, { value }: { value: unknown }) => Buffer.from(String(JSON.stringify(shown(value)))),
  toConnectHeader: (_: string, key: string) => ({ key, value: null, schema: null }),
});

const rowSchema = struct('row', [
  { name: 'id', schema: Schemas.string },
  { name: 'size', schema: Schemas.int32 },
  { name: 'note', schema: { type: 'string', optional: true, defaultValue: 'none' } },
  { name: 'time', schema: { type: 'int64', name: LogicalNames.timestamp, version: 1 } },
  { name: 'nested', schema: struct('inner', [{ name: 'id', schema: Schemas.string }]) },
]);

function givenRecords(): SourceRecord[] {
  const row = () => ({ id: 'a', size: 7, note: 'words', time: new Date(1_000), nested: { id: 'b' } });
  const text = () => JSON.stringify({ ...row(), time: 1_000 });
  const record = (value: SourceRecord['value'], more: Partial<SourceRecord> = {}): SourceRecord => ({
    sourcePartition: {},
    sourceOffset: {},
    topic: 'orders',
    partition: null,
    keySchema: null,
    key: { id: 'key' },
    valueSchema: null,
    value,
    headers: [{ key: 'h', value: 'there', schema: Schemas.string }],
    timestamp: 1_700_000_000_000,
    ...more,
  });
  return [
    record(row()),
    record(row(), { topic: 'other', timestamp: null }),
    record({}),
    record({ id: 'ä"', toJSON: 'a member like any other' }),
    record({ ...row(), note: null }, { valueSchema: rowSchema }),
    record(new JsonText(Buffer.from(text()))),
    record(new JsonText(Buffer.from(text())), { valueSchema: rowSchema }),
    record(null),
    record('a text'),
    record([1, 2]),
  ];
}

/** A value for comparison, and for seeing whether it changes. */
function shown(value: unknown): unknown {
  const plain = value instanceof JsonText ? { text: JSON.parse(Buffer.from(value.bytes).toString()) } : value;
  if (plain instanceof Date) return { date: plain.getTime() };
  if (Array.isArray(plain)) return plain.map(shown);
  if (plain === undefined || typeof plain === 'function') return String(plain);
  if (typeof plain !== 'object' || plain === null) return plain;
  return Object.entries(plain).map(([name, member]) => [name, shown(member)]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return value instanceof JsonText ? value : Object.freeze(value);
}

function outcomeOf(run: () => unknown): unknown {
  try {
    return shown(run());
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return error instanceof StageFailure
      ? `${error.stage} ${error.className}: ${(error.cause as Error).message}`
      : (error as Error).message;
  }
}

function bytesOf(conversion: Conversion, record: SourceRecord): unknown {
  return outcomeOf(() => {
    const produced = conversion.toProducerRecord(record);
    assert.ok(!(produced instanceof Promise));
    if (produced === null) return null;
    const { topic, key, value, headers } = produced;
    const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());
    return { topic, key: text(key), value: text(value), headers: headers.map((each) => text(each.value)) };
  });
}

async function compare(chain: readonly Configured[], hasSchemas = false): Promise<void> {
  const label = JSON.stringify(chain);
  const [drafts, copies] = [await conversionOf(chain, true, hasSchemas), await conversionOf(chain, false, hasSchemas)];
  for (const record of givenRecords().map(deepFreeze)) {
    remembered.length = 0;
    const before = shown(record);
    const wanted = outcomeOf(() => copies.chain.apply(record));
    // The same object twice, as a source may hand it out; and what came first must not follow what comes second.
    let first: ConnectRecord | null = null;
    const answered = outcomeOf(() => {
      first = drafts.chain.apply(record);
      return first;
    });
    assert.deepEqual(answered, wanted, label);
    assert.deepEqual(bytesOf(drafts, record), bytesOf(copies, record), label);
    if (first !== null) assert.deepEqual(shown(first), wanted, `${label}: the first answer was changed by the second`);
    for (const { record: each, was } of remembered) {
      assert.equal(JSON.stringify(shown(each)), was, `${label}: what others keep changed`);
    }
    assert.deepEqual(shown(record), before, `${label}: the record of the source changed`);
  }
}

test('every two transforms answer the same on a draft as on copies, and change nothing that is not theirs', async () => {
  for (const one of available) for (const other of available) await compare([one, other]);
});

test('an object that went elsewhere on its way is not written to when it comes back', async () => {
  const chain: Configured[] = [
    ['MaskField$Value', { fields: 'id' }],
    ['HoistField$Value', { field: 'nested' }],
    ['HeaderFrom$Value', { fields: 'nested', headers: 'whole', operation: 'copy' }],
    ['ExtractField$Value', { field: 'nested' }],
    ['Cast$Value', { spec: 'size:string' }],
  ];
  await compare(chain);
  await compare([insert('a'), ...chain.slice(1), insert('b'), ['Same', {}], ['MaskField$Value', { fields: 'note' }]]);
});

test('so do chains of three to six', async () => {
  const seed = Number(process.env.SEED ?? 1);
  const random = seededRandom(seed);
  for (let number = 0; number < 100; number++) {
    const chain = Array.from({ length: 3 + random.below(4) }, () => available[random.below(available.length)]!);
    await compare(chain, number % 2 === 0).catch((error: unknown) => {
      throw new Error(`SEED=${seed}`, { cause: error });
    });
  }
});

const record = (value: ConnectValue): SourceRecord => ({ ...givenRecords()[0]!, value });
const chainOf = (chain: readonly Configured[]) => TransformChain.create(chain.map((each) => stepOf(each, true)));

test('a record that no transform changes stays the very same', async () => {
  const chain = await chainOf([
    ['RegexRouter', { regex: 'nothing', replacement: 'x' }],
    ['DropHeaders', { headers: 'none' }],
    ['Same', {}],
    ['InsertField$Value', { 'static.field': 'a', 'static.value': 'b' }, 'Tombstone'],
  ]);
  const given = record(null);
  assert.equal(chain.apply(given), given);
  assert.notEqual(chain.apply(record({})), given);
});

test('five InsertField write to one copy: nothing is put together before somebody asks', async () => {
  const chain = await chainOf(['a', 'b', 'c', 'd', 'e'].map(insert));
  const value = deepFreeze({ id: 1 });
  const draft = chain.draft(record(value));
  assert.ok(draft instanceof RecordDraft);
  assert.equal(draft.baseFields, value);
  assert.equal(draft.added!.text.toString(), ',"a":"x","b":"x","c":"x","d":"x","e":"x"');
  assert.deepEqual(draft.value, { id: 1, a: 'x', b: 'x', c: 'x', d: 'x', e: 'x' });
  assert.equal(draft.added, null);
});

test('what stands in two places of a record is written to in neither', () => {
  const [draft, shared] = [new RecordDraft(), { id: 1 }];
  draft.begin(record({}));
  draft.ownKey(shared);
  draft.setKey(null, shared);
  assert.ok(draft.owns(shared));
  draft.setValue(null, shared);
  assert.ok(!draft.owns(shared));
  draft.ownValue(shared);
  draft.setKey(null, shared);
  assert.ok(!draft.owns(shared));
});

test('what was away from its place may have been kept, and is not written to when it comes back', () => {
  const [draft, mine] = [new RecordDraft(), { id: 1 }];
  draft.begin(record({}));
  draft.ownValue(mine);
  draft.setValue(null, mine);
  assert.ok(draft.owns(mine));
  draft.setValue(null, null);
  draft.setValue(null, mine);
  assert.ok(!draft.owns(mine));
});

test('the transform that threw is named, and the next record begins anew', async () => {
  const chain = await chainOf([insert('a'), ['ExtractField$Value', { field: 'a' }], insert('b')]);
  assert.throws(() => chain.apply(record({ id: 1 })), /Only structs and maps/);
  assert.equal(chain.failedClass, 'InsertField$Value');
  const keeps = await chainOf([insert('a'), ['Cast$Value', { spec: 'size:int32' }]]);
  assert.throws(() => keeps.apply(record({ size: 'no number' })), /Cast cannot make int32/);
  assert.equal(keeps.failedClass, 'Cast$Value');
  assert.deepEqual(plainValue(keeps.apply(record({ size: '7' }))!.value), { size: 7, a: 'x' });
});
