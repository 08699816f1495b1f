/**
 * `.snapshot`: the producer state of a partition at an offset (the file's name), so that a start need not replay the
 * whole log. Kafka's layout (ProducerSnapshot.json, version 1). Only the last batch of each producer is kept.
 *
 *      0  int16   version, 1
 *      2  uint32  CRC-32C of everything from 6 to the end
 *      6  int32   number of entries, then each of 46 bytes:
 *      0  int64   producer id
 *      8  int16   producer epoch
 *     10  int32   last sequence
 *     14  int64   last offset
 *     22  int32   offset delta of the last batch
 *     26  int64   timestamp
 *     34  int32   coordinator epoch
 *     38  int64   first offset of the open transaction, -1 none
 */
import { crc32c } from '../protocol/crc32c.ts';
import { readInt64, writeInt64 } from '../protocol/int64.ts';
import type { Producer, ProducerState } from './producer-state.ts';

const version = 1;
const headerBytes = 10;
const crcFrom = 6;
const entryBytes = 46;

export function encodeSnapshot(state: ProducerState): Buffer {
  const bytes = Buffer.alloc(headerBytes + state.size * entryBytes);
  bytes.writeInt16BE(version, 0);
  bytes.writeInt32BE(state.size, crcFrom);
  let at = headerBytes;
  for (const producer of state.producers()) {
    const last = producer.batches.at(-1);
    writeInt64(bytes, at, producer.producerId);
    bytes.writeInt16BE(producer.producerEpoch, at + 8);
    bytes.writeInt32BE(last?.lastSequence ?? -1, at + 10);
    writeInt64(bytes, at + 14, last?.lastOffset ?? -1);
    bytes.writeInt32BE(last?.offsetDelta ?? 0, at + 22);
    writeInt64(bytes, at + 26, producer.lastTimestamp);
    bytes.writeInt32BE(producer.coordinatorEpoch, at + 34);
    writeInt64(bytes, at + 38, producer.currentTransactionFirstOffset);
    at += entryBytes;
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(crcFrom)), 2);
  return bytes;
}

/** The producers in a snapshot, or null when the file is damaged or of another version. */
export function decodeSnapshot(bytes: Buffer, nowMs: number): Producer[] | null {
  if (bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return null;
  const count = bytes.readInt32BE(crcFrom);
  if (count < 0 || bytes.length !== headerBytes + count * entryBytes) return null;
  if (crc32c(bytes.subarray(crcFrom)) !== bytes.readUInt32BE(2)) return null;
  const producers: Producer[] = [];
  for (let at = headerBytes; at < bytes.length; at += entryBytes) producers.push(decodeProducer(bytes, at, nowMs));
  return producers;
}

function decodeProducer(bytes: Buffer, at: number, nowMs: number): Producer {
  const lastOffset = readInt64(bytes, at + 14);
  const timestamp = readInt64(bytes, at + 26);
  const batch = {
    lastSequence: bytes.readInt32BE(at + 10),
    lastOffset,
    offsetDelta: bytes.readInt32BE(at + 22),
    timestamp,
  };
  return {
    producerId: readInt64(bytes, at),
    producerEpoch: bytes.readInt16BE(at + 8),
    batches: lastOffset < 0 ? [] : [batch],
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    lastTimestamp: timestamp,
    currentTransactionFirstOffset: readInt64(bytes, at + 38),
    lastActiveMs: nowMs,
  };
}
