/**
 * A registry that starts from a snapshot answers as one that reads its whole log; whatever is wrong with a snapshot, it is said
 * once and the log is read.
 *
 * SEED and HISTORIES in the environment look further.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RegistryCore } from '../core.ts';
import { RegistryError } from '../errors.ts';
import { Random } from '../sound/search/random.ts';
import { memoryStore } from '../store/memory.ts';
import type { StoreRecord } from '../store/store.ts';

const SEED = Number(process.env.SEED ?? 1);
const HISTORIES = Number(process.env.HISTORIES ?? 25);
const STEPS = 60;
const LOG = 'cluster-a/topic-1';

async function folder(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'schema-snapshot-'));
  test.after(() => rm(path, { recursive: true }));
  return path;
}

interface Started {
  readonly core: RegistryCore;
  readonly warnings: string[];
}

/** A registry over the records of a log, with a snapshot where a path is given. */
async function started(records: StoreRecord[], path: string | null, log = LOG): Promise<Started> {
  const warnings: string[] = [];
  const logger = { debug() {}, warn: (_fields: object, message: string) => void warnings.push(message) };
  const store = memoryStore(records, () => 1_700_000_000_000 + records.length, log);
  const core = new RegistryCore({ store, ...(path === null ? {} : { snapshot: { path, logger } }) });
  await core.start();
  return { core, warnings };
}

/** What a registry says to everything it can be asked, a refusal's message where it refuses. */
async function answers(core: RegistryCore): Promise<unknown> {
  const told = (ask: () => unknown): unknown => {
    try {
      return ask();
    } catch (error) {
      assert.ok(error instanceof RegistryError, String(error));
      return error.message;
    }
  };
  const all = core.subjects({ deleted: true });
  const ids = Array.from(
    { length: Math.max(...core.contexts().map((name) => core.maxId(`:${name}:`))) + 2 },
    (_, i) => i,
  );
  return {
    kept: core.kept(),
    contexts: core.contexts(),
    subjects: [core.subjects(), core.subjects({ deletedOnly: true }), all],
    global: [told(() => core.config(null)), told(() => core.mode(null))],
    bySubject: all.map((subject) => [
      subject,
      told(() => core.config(subject)),
      told(() => core.mode(subject)),
      core.versions(subject, { deleted: true }),
      core.versions(subject, { deleted: true }).map(({ version }) => core.referencedBy(subject, String(version))),
    ]),
    byId: core.contexts().map((context) =>
      ids.map((id) =>
        told(() => {
          const { guid, versions } = core.byId(id, `:${context}:`);
          return [guid, core.byGuid(guid).map((found) => [found.context, found.entry.id]), [...versions]];
        }),
      ),
    ),
    maxIds: core.contexts().map((context) => core.maxId(`:${context}:`)),
  };
}

const SUBJECTS = ['a', 'b', 'c-value', ':.other:a', ':.other:b'];

/** One change, or one that is refused; the same for the same random numbers. */
async function step(core: RegistryCore, random: Random): Promise<unknown> {
  const subject = random.pick(SUBJECTS);
  const text = { schemaType: 'JSON', schema: JSON.stringify({ title: `t${random.below(12)}` }) };
  const refer = { references: [{ name: 'r.json', subject: random.pick(['a', 'b']), version: 1 + random.below(2) }] };
  const choices: (() => Promise<unknown>)[] = [
    () => core.register(subject, text),
    () => core.register(subject, text),
    () => core.register(subject, { ...text, schema: `{"$ref":"r.json","title":"${random.below(9)}"}`, ...refer }),
    () => core.register(subject, { ...text, metadata: { properties: { owner: `${random.below(3)}` } } }),
    () => core.deleteVersion(subject, String(1 + random.below(4)), random.below(2) === 0),
    () => core.deleteVersion(subject, 'latest'),
    () => core.deleteSubject(subject, random.below(2) === 0),
    () => core.putConfig(subject, { compatibilityLevel: 'NONE', alias: random.pick(['', 'b']) }),
    () => core.deleteConfig(subject),
    () => core.putConfig(null, { compatibilityLevel: 'NONE' }),
    () => core.putMode(subject, random.pick(['READONLY', 'READWRITE', 'READWRITE'])),
    () => core.deleteMode(subject),
    () => core.deleteContext('.other'),
  ];
  try {
    return await random.pick(choices)();
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}

test('With and without a snapshot a registry answers alike, and goes on alike, over random histories', async (t) => {
  const path = join(await folder(t), 'schemas.snapshot');
  for (let seed = SEED * 1000; seed < SEED * 1000 + HISTORIES; seed++) {
    const records: StoreRecord[] = [];
    const random = new Random(seed);
    const { core } = await started(records, path, `cluster/${seed}`);
    await core.putConfig(null, { compatibilityLevel: 'NONE' });
    for (let i = 0; i < STEPS; i++) {
      await step(core, random);
      if (random.below(15) === 0) await core.writeSnapshot();
    }
    await core.writeSnapshot();
    for (let i = random.below(10); i > 0; i--) await step(core, random);

    // A second snapshot from the first, of which little has been decoded.
    const again = await started(records, path, `cluster/${seed}`);
    assert.deepEqual(again.warnings, [], `seed ${seed}`);
    for (let i = 0; i < 3; i++) await step(again.core, random);
    await again.core.writeSnapshot();

    const [other, rest] = [structuredClone(records).map(withBuffers), new Random(seed + 1)];
    const whole = await started(other, null);
    const quick = await started(records, path, `cluster/${seed}`);
    assert.deepEqual(quick.warnings, [], `seed ${seed}`);
    // Asked of little before anything else, as a registry is that has just started.
    const first = [await step(quick.core, new Random(seed + 2)), await step(whole.core, new Random(seed + 2))];
    assert.deepEqual(first[0], first[1], `seed ${seed}`);
    assert.deepEqual(await answers(quick.core), await answers(whole.core), `seed ${seed}`);
    const replay = rest;
    const same = new Random(seed + 1);
    for (let i = 0; i < 20; i++)
      assert.deepEqual(await step(quick.core, replay), await step(whole.core, same), `seed ${seed}`);
    assert.deepEqual(
      records.map(({ key, value }) => [String(key), String(value)]),
      other.map(({ key, value }) => [String(key), String(value)]),
      `seed ${seed}: the same is written, tombstones too`,
    );
    for (const each of [core, again.core, whole.core, quick.core]) await each.stop();
    // Other tests run beside this one.
    await new Promise((resolve) => setImmediate(resolve));
  }
});

function withBuffers(record: StoreRecord): StoreRecord {
  return {
    ...record,
    key: record.key === null ? null : Buffer.from(record.key),
    value: record.value === null ? null : Buffer.from(record.value),
  };
}

/** A log of some versions and a snapshot of it up to before the last ones. */
async function logWithSnapshot(t: TestContext) {
  const path = join(await folder(t), 'schemas.snapshot');
  const records: StoreRecord[] = [];
  const { core } = await started(records, path);
  for (let i = 0; i < 20; i++) await core.register(`s${i}`, { schemaType: 'JSON', schema: `{"title":"${i}"}` });
  await core.writeSnapshot();
  await core.deleteSubject('s3');
  await core.register('s3', { schemaType: 'JSON', schema: '{"title":"new"}' });
  return { path, records };
}

test('A start from a snapshot reads no more of the log than what follows on it', async (t) => {
  const { path, records } = await logWithSnapshot(t);
  let read = 0;
  const store = memoryStore(records, Date.now, LOG);
  const counting = {
    ...store,
    open: (onRecord: (record: StoreRecord) => void, from?: number) =>
      store.open((record) => {
        read++;
        onRecord(record);
      }, from),
  };
  const core = new RegistryCore({ store: counting, snapshot: { path, logger: { debug() {}, warn: assert.fail } } });
  await core.start();
  assert.equal(read, 3, 'the last record of the snapshot, and two more');
  assert.deepEqual(
    core.versions('s3').map(({ version }) => version),
    [2],
  );
  assert.equal(core.maxId(), 21);
  await core.stop();
});

const BAD: readonly (readonly [
  what: string,
  warning: RegExp,
  spoil: (bytes: Buffer, records: StoreRecord[]) => Buffer,
])[] = [
  ['empty', /no snapshot/, () => Buffer.of()],
  ['something else', /no snapshot/, () => Buffer.from('{"not":"a snapshot"} but long enough to be looked at')],
  ['cut in its texts', /checksum/, (bytes) => bytes.subarray(0, 200)],
  ['cut in its last byte', /checksum/, (bytes) => bytes.subarray(0, -1)],
  ['longer than it was', /checksum/, (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
  ['without its header', /no snapshot/, (bytes) => Buffer.concat([Buffer.alloc(32), bytes.subarray(32)])],
  ['changed in a text', /checksum/, (bytes) => flipped(bytes, 60)],
  ['changed where its columns are told', /checksum/, (bytes) => flipped(bytes, 17)],
  ['changed at its end', /checksum/, (bytes) => flipped(bytes, bytes.length - 5)],
  ['of a newer format', /format is version 2, not 1/, (bytes) => patched(bytes, 8, 2)],
  [
    'of a log that was cut since',
    /goes to offset 20, and the log ends at 10/,
    (bytes, records) => {
      records.length = 10;
      return bytes;
    },
  ],
  [
    'of a log that begins behind it',
    /goes to offset 20, and the log begins at 21/,
    (bytes, records) => {
      records.splice(0, 21);
      return bytes;
    },
  ],
  [
    'followed by a hole',
    /compacted away/,
    (bytes, records) => {
      records.splice(20, 1);
      return bytes;
    },
  ],
  [
    'followed by a hole at the end',
    /compacted away/,
    (bytes, records) => {
      records.splice(19, 1);
      return bytes;
    },
  ],
  [
    'of a log that was written anew to the same length',
    /are others/,
    (bytes, records) => {
      records[19] = { ...records[19]!, timestamp: 5 };
      return bytes;
    },
  ],
];

function flipped(bytes: Buffer, at: number): Buffer {
  return patched(bytes, at, bytes[at]! ^ 1);
}

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

for (const [what, warning, spoil] of BAD) {
  test(`A snapshot that is ${what} is ignored with a line of the log, and the log is read`, async (t) => {
    const { path, records } = await logWithSnapshot(t);
    await writeFile(path, spoil(await readFile(path), records));
    const { core, warnings } = await started(records, path);
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0]!, warning);
    const whole = await started(records, null);
    assert.deepEqual(await answers(core), await answers(whole.core));
    await core.stop();
    assert.deepEqual((await started(records, path)).warnings, [], 'it is said once');
  });
}

test("A snapshot of another cluster's log is ignored", async (t) => {
  const { path, records } = await logWithSnapshot(t);
  const { core, warnings } = await started(records, path, 'cluster-b/topic-1');
  assert.match(warnings.join(), /it is of another log/);
  assert.equal(core.subjects().length, 20);
});

test('A deletion that compaction has taken away since does not come back from a snapshot', async (t) => {
  const { path, records } = await logWithSnapshot(t);
  const { core } = await started(records, null);
  await core.deleteSubject('s5');
  await core.deleteSubject('s5', true);
  await core.register('later', { schemaType: 'JSON', schema: '{"title":"later"}' });
  // As the cleaner does: the records of s5, and later their tombstones, are gone.
  const left = records.filter(({ key }) => !String(key).includes('"s5"'));
  const quick = await started(left, path);
  assert.match(quick.warnings.join(), /compacted away/);
  assert.ok(!quick.core.subjects({ deleted: true }).includes('s5'));
});

test('A registry that cannot write its snapshot says so and goes on', async (t) => {
  const records: StoreRecord[] = [];
  const { core, warnings } = await started(records, join(await folder(t), 'no', 'such', 'folder'));
  await core.register('s', { schemaType: 'JSON', schema: '{}' });
  await core.writeSnapshot();
  assert.match(warnings.join(), /No snapshot of the schema registry could be written/);
  assert.deepEqual(core.subjects(), ['s']);
});

test('Few changes are not worth a snapshot, many are at the end', async (t) => {
  const path = join(await folder(t), 'schemas.snapshot');
  const records: StoreRecord[] = [];
  for (const [versions, isThere] of [
    [5, false],
    [120, true],
  ] as const) {
    const { core } = await started(records, path);
    for (let i = 0; i < versions; i++)
      await core.register(`s${i}`, { schemaType: 'JSON', schema: `{"title":"${versions} ${i}"}` });
    await core.stop();
    assert.equal(
      await readFile(path).then(
        () => true,
        () => false,
      ),
      isThere,
    );
  }
});
