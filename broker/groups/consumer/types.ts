/**
 * The nouns of the consumer group protocol (KIP-848): members, assignments, what goes in and out of the coordinator.
 * Free of wire versions; nothing here is ever changed in place.
 */
import type { ErrorName } from '../../protocol/error-codes.ts';

/** Topic id to partitions. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>;

/** Topic id to partition to the member epoch at which the member got it; commits older than that are refused. */
export type OwnedPartitions = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** As written in ConsumerGroupCurrentMemberAssignmentValue. */
export const MemberState = { stable: 0, unrevokedPartitions: 1, unreleasedPartitions: 2 } as const;
export type MemberState = (typeof MemberState)[keyof typeof MemberState];

/** Member epochs with a meaning of their own. */
export const Epoch = { join: 0, leave: -1, leaveTemporarily: -2 } as const;

/** How a member of the classic protocol takes part in a group of the new one. */
export interface ClassicMembership {
  readonly sessionTimeoutMs: number;
  /** In the member's order of preference; the metadata are its subscription. */
  readonly supportedProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** What a member said about itself. */
export interface MemberMetadata {
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly subscribedTopicNames: readonly string[];
  /** Null or empty: none. */
  readonly subscribedTopicRegex: string | null;
  /** How long it may take to give partitions up. */
  readonly rebalanceTimeoutMs: number;
  readonly serverAssignor: string | null;
  /** Null for a member of the consumer protocol. */
  readonly classic: ClassicMembership | null;
}

/** How far a member has come on the way to its target. */
export interface CurrentAssignment {
  readonly memberEpoch: number;
  /** A member that did not get our last answer comes again with this one. */
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: OwnedPartitions;
  /** It was told to give these up and has not confirmed it: nobody else may have them yet. */
  readonly pendingRevocation: OwnedPartitions;
}

export interface ConsumerMember extends MemberMetadata, CurrentAssignment {
  readonly memberId: string;
}

/** What a regular expression meant when it was last looked at. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>;
  readonly timestampMs: number;
}

/** The part of a topic that groups are about. */
export interface GroupTopic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: number;
}

/** The topics there are; the broker's `Topics` is one. */
export interface TopicsView {
  get(name: string): GroupTopic | undefined;
  byId(topicId: string): GroupTopic | undefined;
  all(): Iterable<GroupTopic>;
}

/** Partitions as requests and answers list them. */
export interface TopicPartitions {
  readonly topicId: string;
  readonly partitions: readonly number[];
}

/** Null and -1 mean: as before. */
export interface ConsumerHeartbeat {
  readonly group: string;
  /** Version 0 may leave it empty when joining. */
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[] | null;
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  /** What the member has now; null when nothing changed. */
  readonly ownedPartitions: readonly TopicPartitions[] | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Version 1: the client makes the member id itself. */
  readonly requiresMemberId: boolean;
  /** An expression means only topics that its member may know of. Absent: all. */
  readonly mayDescribe?: (topic: string) => boolean;
}

export interface ConsumerHeartbeatResult {
  readonly error: ErrorName;
  readonly message: string | null;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null when it has not changed and was not asked for. */
  readonly assignment: readonly TopicPartitions[] | null;
}

export function refusedHeartbeat(error: ErrorName, message: string): ConsumerHeartbeatResult {
  return { error, message, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export interface ConsumerGroupsConfig {
  /** `group.consumer.session.timeout.ms`. */
  readonly sessionTimeoutMs: number;
  /** `group.consumer.heartbeat.interval.ms`. */
  readonly heartbeatIntervalMs: number;
  /** `group.consumer.max.size`. */
  readonly sizeMax: number;
  /** `group.consumer.assignors`: the first is the default. */
  readonly assignors: readonly string[];
  /** `group.consumer.assignment.interval.ms`: target assignments are at least this far apart. */
  readonly assignmentIntervalMs: number;
  /** `group.consumer.regex.refresh.interval.ms`. */
  readonly regexRefreshIntervalMs: number;
  /** `group.consumer.migration.policy`: a classic group with members may become a consumer group, and the reverse. */
  readonly isUpgradeEnabled: boolean;
  readonly isDowngradeEnabled: boolean;
  /** `group.max.size`: a larger group does not become a classic one. */
  readonly classicSizeMax: number;
}
