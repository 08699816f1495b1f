/**
 * A share group's changes as records of `__consumer_offsets`, in Kafka's own schemas, and back: one record per change.
 *
 *     key    int16 type, then the group (and member)
 *     value  int16 version 0, then the value; null forgets
 */
import { ProtocolError } from '../../protocol/errors.ts';
import {
  decodeShareGroupCurrentMemberAssignmentValue,
  encodeShareGroupCurrentMemberAssignmentValue,
} from '../../protocol/messages/generated/share-group-current-member-assignment-value.ts';
import {
  decodeShareGroupMemberMetadataValue,
  encodeShareGroupMemberMetadataValue,
} from '../../protocol/messages/generated/share-group-member-metadata-value.ts';
import {
  decodeShareGroupMetadataValue,
  encodeShareGroupMetadataValue,
} from '../../protocol/messages/generated/share-group-metadata-value.ts';
import {
  decodeShareGroupStatePartitionMetadataValue,
  encodeShareGroupStatePartitionMetadataValue,
} from '../../protocol/messages/generated/share-group-state-partition-metadata-value.ts';
import {
  decodeShareGroupTargetAssignmentMemberValue,
  encodeShareGroupTargetAssignmentMemberValue,
} from '../../protocol/messages/generated/share-group-target-assignment-member-value.ts';
import {
  decodeShareGroupTargetAssignmentMetadataValue,
  encodeShareGroupTargetAssignmentMetadataValue,
} from '../../protocol/messages/generated/share-group-target-assignment-metadata-value.ts';
import { Reader } from '../../protocol/reader.ts';
import { Writer } from '../../protocol/writer.ts';
import { listed } from '../consumer/assignment.ts';
import type { Assignment } from '../consumer/types.ts';
import type { CoordinatorRecord } from '../records.ts';
import type { ShareGroupChange } from './group.ts';
import type { InitializedTopic, ShareCurrentAssignment } from './types.ts';

/** Kafka's numbers of the record types (CoordinatorRecordType). */
const RecordType = { member: 10, epoch: 11, targetEpoch: 12, target: 13, current: 14, initialized: 15 } as const;

const version = 0;
/** The one state a member is ever in (MemberState.STABLE). */
const stable = 0;

/** A record as replayed: what happens to which group; null is the end of the group. */
export interface ReplayedShareGroupChange {
  readonly group: string;
  readonly change: ShareGroupChange | null;
}

export function shareRecordOf(group: string, change: ShareGroupChange): CoordinatorRecord {
  switch (change.type) {
    case 'epoch':
      return { key: keyOf(RecordType.epoch, group), value: written(encodeShareGroupMetadataValue, change) };
    case 'member': {
      const value = change.value === null ? null : written(encodeShareGroupMemberMetadataValue, spread(change.value));
      return { key: keyOf(RecordType.member, group, change.memberId), value };
    }
    case 'target-epoch': {
      const value = { assignmentEpoch: change.epoch, assignmentTimestamp: change.timestampMs };
      const key = keyOf(RecordType.targetEpoch, group);
      return { key, value: written(encodeShareGroupTargetAssignmentMetadataValue, value) };
    }
    case 'target': {
      const key = keyOf(RecordType.target, group, change.memberId);
      if (change.partitions === null) return { key, value: null };
      const value = { topicPartitions: stored(change.partitions) };
      return { key, value: written(encodeShareGroupTargetAssignmentMemberValue, value) };
    }
    case 'current': {
      const key = keyOf(RecordType.current, group, change.memberId);
      if (change.value === null) return { key, value: null };
      const { memberEpoch, previousMemberEpoch, assigned } = change.value;
      const value = { memberEpoch, previousMemberEpoch, state: stable, assignedPartitions: stored(assigned) };
      return { key, value: written(encodeShareGroupCurrentMemberAssignmentValue, value) };
    }
    case 'initialized': {
      const initializedTopics = [...change.topics].map(([topicId, { name, partitions }]) => ({
        topicId,
        topicName: name,
        partitions: [...partitions],
      }));
      const key = keyOf(RecordType.initialized, group);
      return { key, value: written(encodeShareGroupStatePartitionMetadataValue, { initializedTopics }) };
    }
  }
}

/** What makes the log forget an empty group. */
export function shareTombstonesOf(group: string): readonly CoordinatorRecord[] {
  return [RecordType.targetEpoch, RecordType.initialized, RecordType.epoch].map((type) => ({
    key: keyOf(type, group),
    value: null,
  }));
}

function spread<Value extends { readonly subscribedTopicNames: readonly string[] }>(value: Value) {
  return { ...value, subscribedTopicNames: [...value.subscribedTopicNames] };
}

function stored(assignment: Assignment): { topicId: string; partitions: number[] }[] {
  return listed(assignment).map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }));
}

function assignmentFrom(
  list: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
): Assignment {
  return new Map(list.map(({ topicId, partitions }) => [topicId, new Set(partitions)]));
}

function keyOf(type: number, ...texts: readonly string[]): Buffer {
  const key = new Writer();
  key.int16(type);
  for (const text of texts) key.string(text, false);
  return key.toBuffer();
}

function written<Value>(encode: (writer: Writer, value: Value, version: number) => void, value: Value): Buffer {
  const writer = new Writer();
  writer.int16(version);
  encode(writer, value, version);
  return writer.toBuffer();
}

/** Null for a kind of record that is not of a share group. What is kept is copied. */
export function decodeShareGroupRecord(key: Buffer, value: Buffer | null): ReplayedShareGroupChange | null {
  const reader = new Reader(key);
  const type = reader.int16();
  switch (type) {
    case RecordType.epoch: {
      const group = reader.string(false);
      return { group, change: value === null ? null : epochChange(value) };
    }
    case RecordType.targetEpoch: {
      const group = reader.string(false);
      if (value === null) return { group, change: { type: 'target-epoch', epoch: 0, timestampMs: 0 } };
      const { assignmentEpoch, assignmentTimestamp } = read(decodeShareGroupTargetAssignmentMetadataValue, value);
      return { group, change: { type: 'target-epoch', epoch: assignmentEpoch, timestampMs: assignmentTimestamp } };
    }
    case RecordType.initialized:
      return { group: reader.string(false), change: { type: 'initialized', topics: initializedFrom(value) } };
    case RecordType.member:
    case RecordType.target:
    case RecordType.current:
      return { group: reader.string(false), change: memberChange(type, reader.string(false), value) };
    default:
      return null;
  }
}

function memberChange(type: 10 | 13 | 14, memberId: string, value: Buffer | null): ShareGroupChange {
  switch (type) {
    case RecordType.member:
      return {
        type: 'member',
        memberId,
        value: value === null ? null : read(decodeShareGroupMemberMetadataValue, value),
      };
    case RecordType.target: {
      if (value === null) return { type: 'target', memberId, partitions: null };
      const { topicPartitions } = read(decodeShareGroupTargetAssignmentMemberValue, value);
      return { type: 'target', memberId, partitions: assignmentFrom(topicPartitions) };
    }
    case RecordType.current:
      return { type: 'current', memberId, value: value === null ? null : currentFrom(value) };
  }
}

function currentFrom(value: Buffer): ShareCurrentAssignment {
  const { memberEpoch, previousMemberEpoch, assignedPartitions } = read(
    decodeShareGroupCurrentMemberAssignmentValue,
    value,
  );
  return { memberEpoch, previousMemberEpoch, assigned: assignmentFrom(assignedPartitions) };
}

/** Topics that Kafka was about to initialize are initialized here when a member wants them. */
function initializedFrom(value: Buffer | null): ReadonlyMap<string, InitializedTopic> {
  if (value === null) return new Map();
  const { initializedTopics } = read(decodeShareGroupStatePartitionMetadataValue, value);
  return new Map(
    initializedTopics.map(({ topicId, topicName, partitions }) => [
      topicId,
      { name: topicName, partitions: new Set(partitions) },
    ]),
  );
}

/** Kafka's own hash fills 64 bits, more than a number holds: unknown then, and found out again at the first heartbeat. */
function epochChange(value: Buffer): ShareGroupChange {
  try {
    return { type: 'epoch', ...read(decodeShareGroupMetadataValue, value) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const reader = new Reader(value);
    reader.int16();
    return { type: 'epoch', epoch: reader.int32(), metadataHash: 0 };
  }
}

function read<Value>(decode: (reader: Reader, version: number) => Value, value: Buffer): Value {
  const reader = new Reader(Buffer.from(value));
  return decode(reader, reader.int16());
}
