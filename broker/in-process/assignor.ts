/**
 * The range assignor, Kafka's default: topic by topic, each member gets a run of neighbouring partitions, so that
 * partition n of two topics meets in one member. Also the coding of subscriptions and assignments, which the broker
 * passes on unread; members written with other clients understand them (org.apache.kafka.clients.consumer.RangeAssignor).
 */
import {
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../protocol/messages/generated/consumer-protocol-assignment.ts';
import {
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolSubscription,
} from '../protocol/messages/generated/consumer-protocol-subscription.ts';
import { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';
import { compareText } from './compare-text.ts';
import type { TopicPartition } from './types.ts';

export const rangeProtocol = 'range';
/** Version 1 brought the partitions a member owns; an eager member has none to tell. */
const subscriptionVersion = 1;
const assignmentVersion = 1;

export interface GroupMember {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/** Both messages begin with their version. */
export function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer();
  writer.int16(subscriptionVersion);
  encodeConsumerProtocolSubscription(writer, { topics: [...topics].sort(compareText) }, subscriptionVersion);
  return writer.toBuffer();
}

/** Of any version: later ones only add to the end. */
export function decodeSubscription(bytes: Buffer): readonly string[] {
  const reader = new Reader(bytes);
  const version = Math.min(reader.int16(), subscriptionVersion);
  return decodeConsumerProtocolSubscription(reader, version).topics;
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
  const assignedPartitions = [...byTopic].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition }) => partition),
  }));
  const writer = new Writer();
  writer.int16(assignmentVersion);
  encodeConsumerProtocolAssignment(writer, { assignedPartitions, userData: null }, assignmentVersion);
  return writer.toBuffer();
}

/** No bytes are no partitions: what a member gets that its leader did not know. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return [];
  const reader = new Reader(bytes);
  const version = Math.min(reader.int16(), assignmentVersion);
  const { assignedPartitions } = decodeConsumerProtocolAssignment(reader, version);
  return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}

/** Deals out every partition of every subscribed topic; `partitionsOf` answers 0 for a topic that is not there. */
export function assignRanges(
  members: readonly GroupMember[],
  partitionsOf: (topic: string) => number,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const assignment = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]));
  const ordered = [...members].sort((a, b) => compareText(a.memberId, b.memberId));
  const topics = [...new Set(members.flatMap((member) => member.topics))].sort(compareText);
  for (const topic of topics) {
    const takers = ordered.filter((member) => member.topics.includes(topic));
    const count = partitionsOf(topic);
    const each = Math.floor(count / takers.length);
    const extra = count % takers.length;
    let partition = 0;
    for (const [index, { memberId }] of takers.entries()) {
      const end = partition + each + (index < extra ? 1 : 0);
      for (; partition < end; partition++) assignment.get(memberId)!.push({ topic, partition });
    }
  }
  return assignment;
}
