/**
 * The consumer protocol that members of the classic protocol speak among themselves, inside opaque bytes: subscriptions
 * and assignments (ConsumerProtocolSubscription, ConsumerProtocolAssignment). The coordinator reads it only where it must:
 * to know which offsets are in use, and where members of both protocols share a group (KIP-848).
 *
 *     int16 version, then the message; newer versions only add to the end
 */
import {
  type ConsumerProtocolAssignment,
  consumerProtocolAssignmentVersions,
  decodeConsumerProtocolAssignment,
  encodeConsumerProtocolAssignment,
} from '../protocol/messages/generated/consumer-protocol-assignment.ts';
import {
  type ConsumerProtocolSubscription,
  consumerProtocolSubscriptionVersions,
  decodeConsumerProtocolSubscription,
} from '../protocol/messages/generated/consumer-protocol-subscription.ts';
import { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';

/** The protocol type of consumers; other types (Connect's workers) carry other bytes. */
export const consumerProtocolType = 'consumer';

export type EmbeddedSubscription = ConsumerProtocolSubscription;
export type EmbeddedAssignment = ConsumerProtocolAssignment;

/** Null for bytes that are none. */
export function readSubscription(metadata: Buffer): EmbeddedSubscription | null {
  return read(metadata, consumerProtocolSubscriptionVersions.max, decodeConsumerProtocolSubscription);
}

/** No bytes are no partitions: what a member has that never synced. Null for bytes that are no assignment. */
export function readAssignment(assignment: Buffer): EmbeddedAssignment | null {
  if (assignment.length === 0) return { assignedPartitions: [], userData: null };
  return read(assignment, consumerProtocolAssignmentVersions.max, decodeConsumerProtocolAssignment);
}

/** In the version the member's own subscription has, so that the member can read it. */
export function writeAssignment(
  assignedPartitions: EmbeddedAssignment['assignedPartitions'],
  subscription: Buffer,
): Buffer {
  const { min, max } = consumerProtocolAssignmentVersions;
  const version = Math.min(Math.max(new Reader(subscription).int16(), min), max);
  const writer = new Writer();
  writer.int16(version);
  encodeConsumerProtocolAssignment(writer, { assignedPartitions, userData: null }, version);
  return writer.toBuffer();
}

/** Bytes of strangers: one that cannot be read must end no request. */
function read<Message>(
  bytes: Buffer,
  newest: number,
  decode: (reader: Reader, version: number) => Message,
): Message | null {
  try {
    const reader = new Reader(bytes);
    return decode(reader, Math.min(reader.int16(), newest));
  } catch {
    return null;
  }
}
