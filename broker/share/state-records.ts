/**
 * What is written to `__share_group_state`, in Kafka's own record schemas, so that Kafka's tools read it: a snapshot of a
 * share-partition, then updates of it, then a snapshot again.
 *
 *     key    int16 type (0 snapshot, 1 update), then group, topic id, partition
 *     value  int16 version 0, then ShareSnapshotValue or ShareUpdateValue; a snapshot of null forgets the partition
 */
import { decodeShareSnapshotKey, encodeShareSnapshotKey } from '../protocol/messages/generated/share-snapshot-key.ts';
import {
  decodeShareSnapshotValue,
  encodeShareSnapshotValue,
  type ShareSnapshotValue,
} from '../protocol/messages/generated/share-snapshot-value.ts';
import { decodeShareUpdateKey, encodeShareUpdateKey } from '../protocol/messages/generated/share-update-key.ts';
import {
  decodeShareUpdateValue,
  encodeShareUpdateValue,
  type ShareUpdateValue,
} from '../protocol/messages/generated/share-update-value.ts';
import { Reader } from '../protocol/reader.ts';
import { type Outgoing, Writer } from '../protocol/writer.ts';
import type { SharePartitionKey } from './types.ts';

const snapshotKey = 0;
const updateKey = 1;
/** The one version their definitions have. */
const version = 0;

export interface StateRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** A record as replayed; a snapshot of null forgets. */
export type ReplayedState = { readonly key: SharePartitionKey } & (
  | { readonly type: 'snapshot'; readonly value: ShareSnapshotValue | null }
  | { readonly type: 'update'; readonly value: ShareUpdateValue }
);

export function snapshotRecord(key: SharePartitionKey, snapshot: Outgoing<ShareSnapshotValue>): StateRecord {
  const value = new Writer();
  value.int16(version);
  encodeShareSnapshotValue(value, snapshot, version);
  return { key: keyOf(snapshotKey, key), value: value.toBuffer() };
}

export function updateRecord(key: SharePartitionKey, update: Outgoing<ShareUpdateValue>): StateRecord {
  const value = new Writer();
  value.int16(version);
  encodeShareUpdateValue(value, update, version);
  return { key: keyOf(updateKey, key), value: value.toBuffer() };
}

export function stateTombstone(key: SharePartitionKey): StateRecord {
  return { key: keyOf(snapshotKey, key), value: null };
}

function keyOf(type: number, { group: groupId, topicId, partition }: SharePartitionKey): Buffer {
  const key = new Writer();
  key.int16(type);
  const encode = type === snapshotKey ? encodeShareSnapshotKey : encodeShareUpdateKey;
  encode(key, { groupId, topicId, partition }, version);
  return key.toBuffer();
}

/** Null for a kind of record that is not known here. */
export function decodeState(key: Buffer, value: Buffer | null): ReplayedState | null {
  const keyReader = new Reader(key);
  const type = keyReader.int16();
  if (type === snapshotKey) {
    const { groupId: group, topicId, partition } = decodeShareSnapshotKey(keyReader, version);
    return { type: 'snapshot', key: { group, topicId, partition }, value: read(decodeShareSnapshotValue, value) };
  }
  if (type !== updateKey) return null;
  const { groupId: group, topicId, partition } = decodeShareUpdateKey(keyReader, version);
  const update = read(decodeShareUpdateValue, value);
  return update === null ? null : { type: 'update', key: { group, topicId, partition }, value: update };
}

function read<Value>(decode: (reader: Reader, version: number) => Value, value: Buffer | null): Value | null {
  if (value === null) return null;
  const reader = new Reader(value);
  return decode(reader, reader.int16());
}
