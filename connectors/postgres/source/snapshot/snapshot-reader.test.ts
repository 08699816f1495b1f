/** Rows that the snapshot's reader sets aside until it knows what follows them; scripted connections. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonText } from '../../../api/index.ts';
import type { JsonWriter } from '../../types/json-writer.ts';
import { FrameType } from '../../wire/connection.ts';
import type { TableEncoder } from '../tables/table-encoder.ts';
import { type SnapshotContext, SnapshotReader, snapshotTransaction } from './snapshot-reader.ts';

/** A connection whose rows come when the test says. */
class Script {
  readonly frames = new Frames();
  async query() {
    return [{ anew: '0', oid: '0' }];
  }
  async startStream(): Promise<void> {}
}

class Frames {
  readonly #coming: [number, Buffer][] = [];
  type = 0;
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  row(text: string): void {
    this.#coming.push([FrameType.copyData, Buffer.from(`${text}\n`)]);
  }
  ready(): void {
    this.#coming.push([FrameType.ready, Buffer.alloc(0)]);
  }
  next(): boolean {
    const frame = this.#coming.shift();
    if (frame === undefined) return false;
    [this.type, this.buffer] = frame;
    this.end = this.buffer.length;
    return true;
  }
  async wait(): Promise<boolean> {
    return false;
  }
  interrupt(): void {}
}

function encoderOf(topic: string) {
  const write = (out: JsonWriter, text: string) => out.raw(Buffer.from(text));
  return {
    topic,
    columnCount: 1,
    hasKey: false,
    writeRow: (out: JsonWriter, row: { buffer: Buffer; starts: number[]; ends: number[] }) =>
      write(out, row.buffer.toString('utf8', row.starts[0], row.ends[0])),
    writeOrigin: (out: JsonWriter) => write(out, '}'),
  } as unknown as TableEncoder;
}

test('two rows that wait at once, each the last of what was read of its table, stay two records', async () => {
  const [first, second] = [new Script(), new Script()];
  const context = {
    settings: { batchRecordsMax: 100, database: { queryTimeoutMs: 60_000 }, prefix: 's', tellsContext: false },
    partition: { server: 's' },
    tables: { take: async () => {}, get: (oid: number) => encoderOf(oid === 0 ? 'large' : 'small'), offset: null },
    connections: [first, second],
    thread: null,
    signal: new AbortController().signal,
    progress: { pauseMs: async () => 0, add() {} },
    notifications: { tell() {}, flush() {} },
    xmin: 1,
    transaction: snapshotTransaction(1),
    proof: {},
    kept: null,
    isLate: false,
    beside: null,
  } as unknown as SnapshotContext;
  const table = (name: string, pages: number) => {
    const plain = { oid: 0, schema: 'public', isPartitioned: false, replicaIdentity: 'd', primaryKey: [], columns: [] };
    return {
      table: { ...plain, name, identityKey: [], uniqueKey: [], inlineBytesMax: 1 },
      columns: null,
      rowFilter: null,
      pages,
      rows: 0,
      select: null,
    };
  };
  const reader = new SnapshotReader(context, [table('large', 4000), table('small', 1)], {
    kind: 'snapshot',
    lsn: 1,
    tablesDone: [],
    partial: [],
  });
  const told: unknown[] = [];
  const poll = async () => {
    for (const { value } of await reader.next(0)) told.push(JSON.parse((value as JsonText).bytes.toString()).after);
  };
  // The first range of the large table ends, and its reader takes the small table, which ends too.
  first.frames.row('1');
  first.frames.ready();
  await poll();
  first.frames.row('2');
  first.frames.ready();
  await poll();
  // Only now the second range brings a row: the large table's was not its last, nor was the small table's the last of all.
  second.frames.row('3');
  second.frames.row('4');
  await poll();
  second.frames.ready();
  await poll();
  assert.ok(reader.isDone);
  assert.deepEqual(told.sort(), [1, 2, 3, 4]);
});
