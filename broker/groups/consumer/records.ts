/**
 * The group's changes as records of `__consumer_offsets`, in Kafka's own schemas, and back: one record per change.
 *
 *     key    int16 type, then the group (and member, or expression)
 *     value  int16 version 0, then the value; null forgets
 */
import { ProtocolError } from '../../protocol/errors.ts';
import {
  decodeConsumerGroupCurrentMemberAssignmentValue,
  encodeConsumerGroupCurrentMemberAssignmentValue,
  type TopicPartitions as StoredPartitions,
} from '../../protocol/messages/generated/consumer-group-current-member-assignment-value.ts';
import {
  decodeConsumerGroupMemberMetadataValue,
  encodeConsumerGroupMemberMetadataValue,
} from '../../protocol/messages/generated/consumer-group-member-metadata-value.ts';
import {
  decodeConsumerGroupMetadataValue,
  encodeConsumerGroupMetadataValue,
} from '../../protocol/messages/generated/consumer-group-metadata-value.ts';
import {
  decodeConsumerGroupRegularExpressionValue,
  encodeConsumerGroupRegularExpressionValue,
} from '../../protocol/messages/generated/consumer-group-regular-expression-value.ts';
import {
  decodeConsumerGroupTargetAssignmentMemberValue,
  encodeConsumerGroupTargetAssignmentMemberValue,
} from '../../protocol/messages/generated/consumer-group-target-assignment-member-value.ts';
import {
  decodeConsumerGroupTargetAssignmentMetadataValue,
  encodeConsumerGroupTargetAssignmentMetadataValue,
} from '../../protocol/messages/generated/consumer-group-target-assignment-metadata-value.ts';
import { Reader } from '../../protocol/reader.ts';
import { Writer } from '../../protocol/writer.ts';
import type { CoordinatorRecord } from '../records.ts';
import { listed, OwnedBuilder } from './assignment.ts';
import type { GroupChange } from './changes.ts';
import { type CurrentAssignment, MemberState, type OwnedPartitions } from './types.ts';

/** Kafka's numbers of the record types (CoordinatorRecordType). */
const RecordType = { epoch: 3, member: 5, targetEpoch: 6, target: 7, current: 8, regex: 16 } as const;

const version = 0;

/** A record as replayed: what happens to which group; null is the end of the group's metadata. */
export interface ReplayedGroupChange {
  readonly group: string;
  readonly change: GroupChange | null;
}

export function recordOf(group: string, change: GroupChange): CoordinatorRecord {
  switch (change.type) {
    case 'epoch':
      return { key: keyOf(RecordType.epoch, group), value: written(encodeConsumerGroupMetadataValue, change) };
    case 'member': {
      const { value } = change;
      const key = keyOf(RecordType.member, group, change.memberId);
      if (value === null) return { key, value: null };
      // The definition's default is an empty classic member; null is what a member of the consumer protocol has.
      const classicMemberMetadata = value.classic;
      return { key, value: written(encodeConsumerGroupMemberMetadataValue, { ...value, classicMemberMetadata }) };
    }
    case 'target-epoch': {
      const { epoch, timestampMs } = change;
      const value = { assignmentEpoch: epoch, assignmentTimestamp: timestampMs };
      return {
        key: keyOf(RecordType.targetEpoch, group),
        value: written(encodeConsumerGroupTargetAssignmentMetadataValue, value),
      };
    }
    case 'target': {
      const key = keyOf(RecordType.target, group, change.memberId);
      if (change.partitions === null) return { key, value: null };
      const topicPartitions = listed(change.partitions);
      return { key, value: written(encodeConsumerGroupTargetAssignmentMemberValue, { topicPartitions }) };
    }
    case 'current':
      return currentRecord(group, change.memberId, change.value);
    case 'regex': {
      const key = keyOf(RecordType.regex, group, change.regex);
      if (change.value === null) return { key, value: null };
      const value = { topics: [...change.value.topics], version: 0, timestamp: change.value.timestampMs };
      return { key, value: written(encodeConsumerGroupRegularExpressionValue, value) };
    }
  }
}

/** What makes the log forget the group: members are forgotten before it. */
export function tombstonesOf(group: string): readonly CoordinatorRecord[] {
  return [
    { key: keyOf(RecordType.targetEpoch, group), value: null },
    { key: keyOf(RecordType.epoch, group), value: null },
  ];
}

function currentRecord(group: string, memberId: string, current: CurrentAssignment | null): CoordinatorRecord {
  const key = keyOf(RecordType.current, group, memberId);
  if (current === null) return { key, value: null };
  const { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = current;
  const value = {
    memberEpoch,
    previousMemberEpoch,
    state,
    assignedPartitions: stored(assigned),
    partitionsPendingRevocation: stored(pendingRevocation),
  };
  return { key, value: written(encodeConsumerGroupCurrentMemberAssignmentValue, value) };
}

function stored(owned: OwnedPartitions): StoredPartitions[] {
  return listed(owned).map(({ topicId, partitions }) => ({
    topicId,
    partitions: [...partitions],
    assignmentEpochs: partitions.map((partition) => owned.get(topicId)!.get(partition)!),
  }));
}

function ownedFrom(list: readonly StoredPartitions[], memberEpoch: number): OwnedPartitions {
  const builder = new OwnedBuilder();
  for (const { topicId, partitions, assignmentEpochs } of list) {
    // Before Kafka 4.2 there were no epochs; the member's own is the safe one.
    partitions.forEach((partition, place) => {
      builder.add(topicId, partition, assignmentEpochs?.[place] ?? memberEpoch);
    });
  }
  return builder.partitions;
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

/** Null for a kind of record that is not of a consumer group. What is kept is copied. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): ReplayedGroupChange | null {
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
      const { assignmentEpoch, assignmentTimestamp } = read(decodeConsumerGroupTargetAssignmentMetadataValue, value);
      return { group, change: { type: 'target-epoch', epoch: assignmentEpoch, timestampMs: assignmentTimestamp } };
    }
    case RecordType.member:
    case RecordType.target:
    case RecordType.current:
    case RecordType.regex:
      return { group: reader.string(false), change: namedChange(type, reader.string(false), value) };
    default:
      return null;
  }
}

function namedChange(type: 5 | 7 | 8 | 16, name: string, value: Buffer | null): GroupChange {
  switch (type) {
    case RecordType.member:
      return { type: 'member', memberId: name, value: value === null ? null : metadataFrom(value) };
    case RecordType.target: {
      if (value === null) return { type: 'target', memberId: name, partitions: null };
      const { topicPartitions } = read(decodeConsumerGroupTargetAssignmentMemberValue, value);
      const partitions = new Map(topicPartitions.map((topic) => [topic.topicId, new Set(topic.partitions)]));
      return { type: 'target', memberId: name, partitions };
    }
    case RecordType.current:
      return { type: 'current', memberId: name, value: value === null ? null : currentFrom(value) };
    case RecordType.regex: {
      if (value === null) return { type: 'regex', regex: name, value: null };
      const { topics, timestamp } = read(decodeConsumerGroupRegularExpressionValue, value);
      return { type: 'regex', regex: name, value: { topics: new Set(topics), timestampMs: timestamp } };
    }
  }
}

function metadataFrom(value: Buffer) {
  const { classicMemberMetadata: classic, ...metadata } = read(decodeConsumerGroupMemberMetadataValue, value);
  return { ...metadata, classic };
}

function currentFrom(value: Buffer): CurrentAssignment {
  const stored = read(decodeConsumerGroupCurrentMemberAssignmentValue, value);
  const { memberEpoch, previousMemberEpoch, state } = stored;
  const isKnown = state === MemberState.unrevokedPartitions || state === MemberState.unreleasedPartitions;
  return {
    memberEpoch,
    previousMemberEpoch,
    state: isKnown ? state : MemberState.stable,
    assigned: ownedFrom(stored.assignedPartitions, memberEpoch),
    pendingRevocation: ownedFrom(stored.partitionsPendingRevocation, memberEpoch),
  };
}

/** Kafka's own hash fills 64 bits, more than a number holds: unknown then, and found out again at the first heartbeat. */
function epochChange(value: Buffer): GroupChange {
  try {
    return { type: 'epoch', ...read(decodeConsumerGroupMetadataValue, value) };
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
