/** What is kept of rows, by hand: what is believed, what is not, and what happens to a row that is looked for too early. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceMemory, SourceRecord } from '../../../api/index.ts';
import { TestMemory } from '../source-harness.ts';
import { Fill, ToastColumns } from './kept-row.ts';
import { KeptValues } from './kept-values.ts';
import { Tuple, TupleKind } from './pgoutput.ts';
import { RecordBatch } from './record-batch.ts';
import type { TableEncoder } from './table-encoder.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const OFFSET = { lsn: 1 };
const columns = [{ index: 1, name: 'big', typeOid: 25, modifier: -1, isDense: true }];
const shape = { oid: 7, columns, identity: [0], inlineBytesMax: 1000, columnCount: 2 };
const table = { toast: new ToastColumns(shape) } as TableEncoder;

/** A row of id and big; null is a value that was not sent. */
function row(id: string, big: string | null): Tuple {
  const tuple = new Tuple();
  tuple.buffer = Buffer.from(id + (big ?? ''));
  tuple.kinds[0] = TupleKind.text;
  tuple.ends[0] = id.length;
  tuple.kinds[1] = big === null ? TupleKind.unchanged : TupleKind.text;
  tuple.starts[1] = id.length;
  tuple.ends[1] = tuple.buffer.length;
  tuple.bytes = tuple.buffer.length;
  return tuple;
}

/** Values that were looked up. */
const filled = (id: string, big: string | null, isEarly = false) =>
  Object.assign(new Fill(), row(id, big), { isEarly });
const keyOf = (id: string) => table.toast!.key(row(id, null), null)!;
const large = (letter: string) => letter.repeat(2000);

function keeping(memory: SourceMemory, stored: Record<string, unknown> | null = null, fingerprint = 'f') {
  const signal = new AbortController().signal;
  const kept = new KeptValues({ memory, partition: {}, logger: silent, signal }, fingerprint, stored);
  const batch = () => new RecordBatch({}, 1000);
  /** Makes a change; answers its records, which are not in the log yet. */
  const change = (act: (batch: RecordBatch) => void): readonly SourceRecord[] => {
    const made = batch();
    act(made);
    return made.records;
  };
  return {
    kept,
    insert: (id: string, big: string) => change((made) => kept.inserted(made, OFFSET, table, row(id, big))),
    update: (id: string, big: string | null, fill: Fill | null = null) =>
      change((made) => kept.updated(made, OFFSET, table, row(id, big), null, fill)),
    remove: (id: string) => change((made) => kept.deleted(made, OFFSET, table, row(id, null))),
    write: (records: readonly SourceRecord[]) => {
      for (const record of records) {
        const offset = (memory as TestMemory).append(record);
        kept.written(record, { topic: 'kept', partition: 0, offset, timestamp: 0 });
      }
    },
    find: async (id: string) => {
      const found = await kept.find(keyOf(id));
      const value = found?.values.get('big');
      return value === undefined ? null : found!.buffer.toString('latin1', value.start, value.end);
    },
  };
}

test('a row on its way to the log is known, and once it is there the next task finds it', async () => {
  const memory = new TestMemory();
  const first = keeping(memory);
  const records = first.insert('1', large('a'));
  assert.equal(await first.find('1'), large('a'));
  first.write(records);
  assert.equal(await first.find('1'), large('a'));
  const next = keeping(memory, first.kept.offset);
  assert.equal(next.kept.recall(keyOf('1')), undefined, 'nobody has looked yet');
  assert.equal(await next.find('1'), large('a'));
  assert.equal(await next.find('2'), null);
  assert.equal(memory.scans, 1);
});

test('another era, another fingerprint, another key under the same offset: nothing is found', async () => {
  const memory = new TestMemory();
  const first = keeping(memory);
  first.write(first.insert('1', large('a')));
  assert.equal(await keeping(memory, null).find('1'), null);
  assert.equal(await keeping(memory, first.kept.offset, 'other').find('1'), null);
  const next = keeping(memory, first.kept.offset);
  await next.kept.load();
  next.kept.beginEra();
  assert.equal(await next.find('1'), null);

  const liar: SourceMemory = {
    scan: (onKept) => memory.scan(onKept),
    read: async (offset) => ({ ...(await memory.read(offset))!, key: keyOf('2') }),
  };
  const cheated = keeping(liar, first.kept.offset);
  await cheated.kept.load();
  fillCache(cheated);
  assert.equal(await cheated.find('1'), null);
});

/** More than the cache holds, so that what was there before is asked of the log. */
function fillCache(some: ReturnType<typeof keeping>): void {
  for (let id = 100; id < 150; id++) {
    const records = some.insert(String(id), 'x'.repeat(900_000));
    for (const record of records) some.kept.written(record, null);
  }
}

test('what left the cache is read from the log; where compaction or a crash took it, nothing is found', async () => {
  const memory = new TestMemory();
  const some = keeping(memory);
  some.write([...some.insert('1', large('a')), ...some.insert('2', large('b'))]);
  fillCache(some);
  assert.equal(memory.reads, 0);
  assert.equal(await some.find('1'), large('a'));
  assert.equal(memory.reads, 1);
  memory.records[1] = null;
  fillCache(some);
  assert.equal(await some.find('2'), null);
});

test('an update that changed nothing large keeps nothing anew; a small or deleted row is forgotten, for the next task too', async () => {
  const memory = new TestMemory();
  const some = keeping(memory);
  some.write([...some.insert('1', large('a')), ...some.insert('2', large('b')), ...some.insert('3', large('c'))]);
  const fill = filled('1', large('a'));
  assert.deepEqual(some.update('1', null, fill), []);
  assert.equal(some.insert('4', 'small').length, 0);
  const forgotten = [...some.update('2', 'small'), ...some.remove('3')];
  assert.deepEqual(
    forgotten.map(({ value }) => value),
    [null, null],
  );
  assert.equal(await some.find('2'), null, 'on its way');
  some.write(forgotten);
  for (const task of [some, keeping(memory, some.kept.offset)]) {
    assert.deepEqual(await Promise.all(['1', '2', '3', '4'].map(task.find)), [large('a'), null, null, null]);
  }
  assert.deepEqual(some.remove('2'), [], 'once is enough');
});

test('changes made before the index is loaded stand against what is loaded behind them', async () => {
  const memory = new TestMemory();
  const first = keeping(memory);
  first.write([...first.insert('1', large('a')), ...first.insert('2', large('b')), ...first.insert('3', large('c'))]);
  const next = keeping(memory, first.kept.offset);
  const changes = [...next.update('1', large('n')), ...next.remove('2'), ...next.update('3', 'small')];
  assert.equal(changes.length, 3, 'nobody knows yet what is kept, so all is forgotten that might be');
  next.write(changes.slice(0, 2));
  assert.deepEqual(await Promise.all(['1', '2', '3'].map(next.find)), [large('n'), null, null]);
});

test('a value that was not to be had is not kept, and what was kept before is not taken for it', async () => {
  const memory = new TestMemory();
  const some = keeping(memory);
  some.write(some.insert('1', large('a')));
  some.write(some.update('1', null, filled('1', null)));
  assert.equal(await some.find('1'), null);
  assert.equal(await keeping(memory, some.kept.offset).find('1'), null);
});
