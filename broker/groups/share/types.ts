/**
 * The nouns of share group membership (KIP-932): members, what goes in and out of their coordinator. Free of wire
 * versions; nothing here is ever changed in place.
 */
import type { ErrorName } from '../../protocol/error-codes.ts';
import type { Assignment, TopicPartitions } from '../consumer/types.ts';

/** What a member said about itself. */
export interface ShareMemberMetadata {
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
}

/** What a member was told last. Nobody has to give anything up, so it is where it should be at once. */
export interface ShareCurrentAssignment {
  readonly memberEpoch: number;
  /** A member that did not get our last answer comes again with this one. */
  readonly previousMemberEpoch: number;
  readonly assigned: Assignment;
}

export interface ShareMember extends ShareMemberMetadata, ShareCurrentAssignment {
  readonly memberId: string;
}

/** A topic whose partitions the group keeps a place in. */
export interface InitializedTopic {
  readonly name: string;
  readonly partitions: ReadonlySet<number>;
}

/** Null means: as before. */
export interface ShareHeartbeat {
  readonly group: string;
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly rackId: string | null;
  readonly subscribedTopicNames: readonly string[] | null;
  readonly clientId: string;
  readonly clientHost: string;
}

export interface ShareHeartbeatResult {
  readonly error: ErrorName;
  readonly message: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null when it has not changed and was not asked for. */
  readonly assignment: readonly TopicPartitions[] | null;
}

export function refusedShareHeartbeat(error: ErrorName, message: string): ShareHeartbeatResult {
  return { error, message, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}

export type ShareGroupState = 'Empty' | 'Stable';

/** How membership runs in one group: its own configs over the broker's. */
export interface ShareMembershipSettings {
  /** `share.session.timeout.ms`. */
  readonly sessionTimeoutMs: number;
  /** `share.heartbeat.interval.ms`. */
  readonly heartbeatIntervalMs: number;
}
