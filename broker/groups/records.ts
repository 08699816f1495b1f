/**
 * What the coordinator writes to `__consumer_offsets`, in Kafka's own record schemas, so that tools that read the topic
 * (Burrow, kafka-dump-log) read ours: the committed offsets and the groups with their members.
 *
 *     key    int16 type (1 offset, 2 group), then OffsetCommitKey or GroupMetadataKey
 *     value  int16 version, then OffsetCommitValue or GroupMetadataValue; null forgets
 */
import { decodeGroupMetadataKey, encodeGroupMetadataKey } from '../protocol/messages/generated/group-metadata-key.ts';
import {
  decodeGroupMetadataValue,
  encodeGroupMetadataValue,
  type GroupMetadataValue,
} from '../protocol/messages/generated/group-metadata-value.ts';
import { decodeOffsetCommitKey, encodeOffsetCommitKey } from '../protocol/messages/generated/offset-commit-key.ts';
import {
  decodeOffsetCommitValue,
  encodeOffsetCommitValue,
} from '../protocol/messages/generated/offset-commit-value.ts';
import { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';
import { decodeGroupRecord, type ReplayedGroupChange } from './consumer/records.ts';
import type { Group } from './group.ts';
import { decodeShareGroupRecord, type ReplayedShareGroupChange } from './share/records.ts';
import type { CommittedOffset } from './types.ts';

export interface CoordinatorRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** A record as replayed; null values forget. */
export type ReplayedRecord = ReplayedGroupRecord | ({ readonly type: 'share-group' } & ReplayedShareGroupChange);

/** Of groups that commit offsets. */
export type ReplayedGroupRecord =
  | {
      readonly type: 'offset';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      readonly value: CommittedOffset | null;
    }
  | { readonly type: 'group'; readonly group: string; readonly value: GroupMetadataValue | null }
  | ({ readonly type: 'consumer-group' } & ReplayedGroupChange);

const legacyOffsetKey = 0;
const offsetKey = 1;
const groupKey = 2;
/** What Kafka 4 writes; 4 adds the topic's id, which would say nothing that is not in the metadata log. */
const offsetValueVersion = 3;
const groupValueVersion = 3;
/** The one version their definitions have. */
const keyVersion = 0;

export function offsetRecord(
  group: string,
  topic: string,
  partition: number,
  offset: CommittedOffset | null,
): CoordinatorRecord {
  const key = new Writer();
  key.int16(offsetKey);
  encodeOffsetCommitKey(key, { group, topic, partition }, keyVersion);
  if (offset === null) return { key: key.toBuffer(), value: null };
  const value = new Writer();
  // Only version 1 has a place for an expiry of its own.
  const version = offset.expireTimestamp >= 0 ? 1 : offsetValueVersion;
  value.int16(version);
  encodeOffsetCommitValue(value, offset, version);
  return { key: key.toBuffer(), value: value.toBuffer() };
}

export function groupRecord(group: Group): CoordinatorRecord {
  const value = new Writer();
  value.int16(groupValueVersion);
  encodeGroupMetadataValue(
    value,
    {
      protocolType: group.protocolType ?? '',
      generation: group.generationId,
      protocol: group.protocolName,
      leader: group.leader,
      currentStateTimestamp: group.stateSinceMs,
      members: [...group.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadataFor(group.protocolName),
        assignment: member.assignment,
      })),
    },
    groupValueVersion,
  );
  return { key: keyOfGroup(group.id), value: value.toBuffer() };
}

export function groupTombstone(group: string): CoordinatorRecord {
  return { key: keyOfGroup(group), value: null };
}

function keyOfGroup(group: string): Buffer {
  const key = new Writer();
  key.int16(groupKey);
  encodeGroupMetadataKey(key, { group }, keyVersion);
  return key.toBuffer();
}

/** Null for a kind of record that is not kept here (streams groups). What is kept is copied. */
export function decodeRecord(key: Buffer, value: Buffer | null): ReplayedRecord | null {
  const keyReader = new Reader(key);
  const type = keyReader.int16();
  if (type === legacyOffsetKey || type === offsetKey) {
    const { group, topic, partition } = decodeOffsetCommitKey(keyReader, keyVersion);
    return { type: 'offset', group, topic, partition, value: value === null ? null : decodeOffset(value) };
  }
  if (type !== groupKey) {
    const change = decodeGroupRecord(key, value);
    if (change !== null) return { type: 'consumer-group', ...change };
    const shareChange = decodeShareGroupRecord(key, value);
    return shareChange === null ? null : { type: 'share-group', ...shareChange };
  }
  const { group } = decodeGroupMetadataKey(keyReader, keyVersion);
  if (value === null) return { type: 'group', group, value: null };
  const reader = new Reader(Buffer.from(value));
  const version = reader.int16();
  return { type: 'group', group, value: decodeGroupMetadataValue(reader, version) };
}

function decodeOffset(value: Buffer): CommittedOffset {
  const reader = new Reader(value);
  const version = reader.int16();
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } = decodeOffsetCommitValue(reader, version);
  return { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp };
}
