/**
 * What goes in and out of the group coordinator: the nouns of JoinGroup, SyncGroup and the offset APIs, free of wire
 * versions. Shared by the API handlers and the in-process keeper.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { ConsumerGroupState } from './consumer/types.ts';
import type { ShareGroupState } from './share/types.ts';

/** A protocol a member can speak (an assignor's name) and what it says in it (its subscription). */
export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** The client host of members in the broker's own process, which live exactly as long as it does. */
export const inProcessHost = '/in-process';

export interface JoinRequest {
  readonly group: string;
  /** Empty when the member has none yet. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** JoinGroup v4 and later: a new dynamic member is told its id first and must come again with it (KIP-394). */
  readonly requiresKnownMemberId: boolean;
  /** JoinGroup v9: a returning static leader may be told to leave the assignment as it is (KIP-814). */
  readonly supportsSkippingAssignment: boolean;
}

export interface JoinResult {
  readonly error: ErrorName;
  readonly memberId: string;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** All members with their metadata, for the leader only. */
  readonly members: readonly JoinedMember[];
}

export interface JoinedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly metadata: Buffer;
}

/** Who speaks: a member, as of a generation. */
export interface MemberIdentity {
  readonly group: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
}

export interface SyncRequest extends MemberIdentity {
  /** Checked where given (SyncGroup v5). */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader only. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}

export interface SyncResult {
  readonly error: ErrorName;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export interface LeavingMember {
  /** May be empty where the instance id is given. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface LeaveResult {
  readonly error: ErrorName;
  readonly members: readonly (LeavingMember & { readonly error: ErrorName })[];
}

/** A committed offset: `offset` is the next to read. */
export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimestamp: number;
  /** Set by OffsetCommit v2 to v4 with a retention of its own; -1 means by the broker's rule. */
  readonly expireTimestamp: number;
}

export interface OffsetToCommit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export interface CommitRequest extends MemberIdentity {
  readonly offsets: readonly OffsetToCommit[];
  /** -1: the broker's `offsets.retention.minutes`. */
  readonly retentionTimeMs: number;
  /** Of OffsetCommit: members of the consumer protocol need one that knows epochs. Absent: the newest. */
  readonly apiVersion?: number;
}

/** Offsets that count once the producer's transaction is committed (KIP-98, KIP-447). */
export interface TransactionalCommitRequest extends MemberIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly offsets: readonly OffsetToCommit[];
}

/** One answer per offset of the request, in its order. */
export type CommitResult = readonly ErrorName[];

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

export interface GroupListing {
  readonly group: string;
  readonly protocolType: string;
  readonly state: GroupState | ConsumerGroupState | ShareGroupState;
  readonly type: 'classic' | 'consumer' | 'share';
}

export interface GroupDescription {
  readonly error: ErrorName;
  readonly group: string;
  readonly state: GroupState;
  readonly protocolType: string;
  readonly protocol: string;
  readonly members: readonly DescribedMember[];
}

export interface DescribedMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly metadata: Buffer;
  readonly assignment: Buffer;
}
