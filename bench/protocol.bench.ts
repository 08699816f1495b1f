/**
 * Question: what do the codecs cost on the hot paths, and where does the native CRC-32C begin to pay?
 * Method: one core, everything in memory, median of five. Produce and Fetch carry one partition with a batch of 100
 * records; the first row of each table is the limit named there. Run: node bench/protocol.bench.ts
 */
import { crc32c as nativeCrc32c } from '@node-rs/crc32';
import { crc32c, crc32cJs } from '../broker/protocol/crc32c.ts';
import { beginRequest, beginResponse, decodeRequestHeader } from '../broker/protocol/frame.ts';
import { decodeFetchRequest, encodeFetchRequest } from '../broker/protocol/messages/generated/fetch-request.ts';
import { encodeFetchResponse } from '../broker/protocol/messages/generated/fetch-response.ts';
import { decodeProduceRequest, encodeProduceRequest } from '../broker/protocol/messages/generated/produce-request.ts';
import { encodeProduceResponse } from '../broker/protocol/messages/generated/produce-response.ts';
import { Reader } from '../broker/protocol/reader.ts';
import { checkBatch } from '../broker/protocol/record-batch.ts';
import { RecordCursor } from '../broker/protocol/record-cursor.ts';
import { BatchBuilder, forEachRecord } from '../broker/protocol/records.ts';
import { median, type Row, report, timed } from './report.ts';

const rounds = Number(process.env.ROUNDS ?? 300_000);
const runs = 5;
const topicId = 'AAECAwQFBgcICQoLDA0ODw';

function row(what: string, count: number, work: () => unknown, perCall = 1): Promise<Row> {
  return median(runs, () =>
    timed(what, count, async () => {
      for (let i = 0; i < count; i += perCall) work();
    }),
  );
}

function batchOf(records: number, bytes: number): Buffer {
  const builder = new BatchBuilder();
  for (let i = 0; i < records; i++)
    builder.append(1_790_000_000_000 + i, Buffer.from(`key-${i}`), Buffer.alloc(bytes, 'x'), []);
  return builder.build();
}

const batch = batchOf(100, 100);

function produceFrame(): Buffer {
  const writer = beginRequest({ apiKey: 0, apiVersion: 13, correlationId: 1, clientId: 'bench' }, true);
  encodeProduceRequest(
    writer,
    { acks: -1, timeoutMs: 30_000, topicData: [{ topicId, partitionData: [{ index: 0, records: batch }] }] },
    13,
  );
  return Buffer.concat(writer.finishFrame());
}

function fetchFrame(): Buffer {
  const writer = beginRequest({ apiKey: 1, apiVersion: 17, correlationId: 1, clientId: 'bench' }, true);
  encodeFetchRequest(
    writer,
    {
      maxWaitMs: 500,
      minBytes: 1,
      topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 7, partitionMaxBytes: 1 << 20 }] }],
    },
    17,
  );
  return Buffer.concat(writer.finishFrame());
}

/** Past the length and the header, as the server reads them. */
function openFrame(frame: Buffer): Reader {
  const reader = new Reader(frame, 4);
  decodeRequestHeader(reader, () => true);
  return reader;
}

function respond(): Uint8Array[] {
  const writer = beginResponse(0, 1, true);
  encodeProduceResponse(
    writer,
    { responses: [{ topicId, partitionResponses: [{ index: 0, baseOffset: 7, logStartOffset: 0 }] }] },
    13,
  );
  return writer.finishFrame();
}

function respondFetch(): Uint8Array[] {
  const writer = beginResponse(1, 1, true);
  const partition = { partitionIndex: 0, highWatermark: 100, lastStableOffset: 100, logStartOffset: 0, records: batch };
  encodeFetchResponse(writer, { responses: [{ topicId, partitions: [partition] }] }, 17);
  return writer.finishFrame();
}

async function benchMessages(): Promise<void> {
  const produce = produceFrame();
  const fetch = fetchFrame();
  report('Messages (limit: the CRC-32C of the batch they carry)', 'messages', [
    await row('CRC-32C of a 11 kB batch', rounds, () => crc32c(batch)),
    await row('Produce v13 request decoded', rounds, () => decodeProduceRequest(openFrame(produce), 13)),
    await row('Produce v13 response encoded', rounds, respond),
    await row('Fetch v17 request decoded', rounds, () => decodeFetchRequest(openFrame(fetch), 17)),
    await row('Fetch v17 response encoded', rounds, respondFetch),
    await row('batch checked whole', rounds, () => checkBatch(batch)),
  ]);
}

async function benchRecords(): Promise<void> {
  const count = rounds * 10;
  const key = Buffer.from('truck-1');
  const value = Buffer.alloc(100, 'x');
  const build = () => {
    const builder = new BatchBuilder();
    for (let i = 0; i < 100; i++) builder.append(1_790_000_000_000 + i, key, value, []);
    return builder.build();
  };
  const walk = () => {
    const cursor = new RecordCursor(batch);
    while (cursor.next());
  };
  report('Records of 100 bytes (limit: walking them without looking)', 'records', [
    await row('walked', count, walk, 100),
    await row('read as objects with key and value', count, () => forEachRecord(batch, 0, () => true), 100),
    await row('built into batches of 100', count, build, 100),
  ]);
}

async function benchCrc(): Promise<void> {
  const rows: Row[] = [];
  for (const bytes of [20, 40, 60, 100, 1000]) {
    const input = Buffer.alloc(bytes, 'abc');
    rows.push(await row(`${bytes} B native`, rounds, () => nativeCrc32c(input)));
    rows.push(await row(`${bytes} B JavaScript`, rounds, () => crc32cJs(input)));
  }
  report('CRC-32C, native against JavaScript', 'sums', rows);
}

await benchMessages();
await benchRecords();
await benchCrc();
