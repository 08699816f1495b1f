/**
 * One member's life in a consumer group: join, be given partitions, heartbeat, join again, leave. Speaks with the
 * coordinator as a client of the classic protocol does, by calls instead of requests, so that the group looks like any
 * other to other members and to DescribeGroups. What it is not: it reads no records and calls no listener.
 *
 *     out ──join──▶ joining ──assignment──▶ member ──(rebalance)──▶ rejoin ──join──▶ joining
 *      ▲                                       │
 *      └──────────── lost (put out) ◀──────────┘
 */
import type { GroupCoordinator } from '../groups/coordinator.ts';
import { inProcessHost, type JoinResult, type MemberIdentity, type SyncResult } from '../groups/types.ts';
import type { Topics } from '../metadata/topics.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import {
  assignRanges,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  rangeProtocol,
} from './assignor.ts';
import { type InProcessLogError, refusal } from './errors.ts';
import { fingerprint, type Subscription } from './subscription.ts';
import type { TopicPartition } from './types.ts';

/** Kafka's defaults for a consumer. */
export const sessionTimeoutMsDefault = 45_000;
export const maxPollIntervalMsDefault = 300_000;
/** A call costs nothing here, so that a rebalance need not wait the 3 s of a network client. */
const heartbeatIntervalMs = 200;
/** How often a member looks for new topics and partitions; a network client does every 5 minutes. */
const topicCheckIntervalMs = 1000;
const retryBackoffMs = 100;

export interface MembershipOptions {
  readonly group: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly maxPollIntervalMs: number;
  readonly groupInstanceId: string | null;
}

/** `rejoin`: give up the partitions, then join. `lost`: they belong to somebody else already. */
export type MembershipState = 'out' | 'joining' | 'member' | 'rejoin' | 'lost' | 'failed' | 'closed';

export class Membership {
  readonly #options: MembershipOptions;
  readonly #groups: GroupCoordinator;
  readonly #topics: Topics;
  readonly #subscription: Subscription;
  readonly #onChange: () => void;
  #state: MembershipState = 'out';
  #memberId = '';
  #generationId = -1;
  #assignment: readonly TopicPartition[] = [];
  #failure: InProcessLogError | null = null;
  /** What this member must notice changes of: the whole group's topics when it is the leader, else its own pattern's. */
  #watched: readonly string[] = [];
  #isLeader = false;
  #fingerprint = '';
  #names: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastPollMs = Date.now();
  #lastHeartbeatMs = 0;
  #lastTopicCheckMs = 0;

  /** `onChange` is called whenever `state` may have changed. */
  constructor(
    options: MembershipOptions,
    groups: GroupCoordinator,
    topics: Topics,
    subscription: Subscription,
    onChange: () => void,
  ) {
    this.#options = options;
    this.#groups = groups;
    this.#topics = topics;
    this.#subscription = subscription;
    this.#onChange = onChange;
  }

  get state(): MembershipState {
    return this.#state;
  }
  get generationId(): number {
    return this.#generationId;
  }
  /** Of the current generation. */
  get assignment(): readonly TopicPartition[] {
    return this.#assignment;
  }
  /** Why the state is `failed`. */
  get failure(): InProcessLogError | null {
    return this.#failure;
  }
  get identity(): MemberIdentity {
    return {
      group: this.#options.group,
      memberId: this.#memberId,
      groupInstanceId: this.#options.groupInstanceId,
      generationId: this.#generationId,
    };
  }

  /** Called at each poll: the member lives, and may hear of a rebalance before its timer does. */
  polled(): void {
    this.#lastPollMs = Date.now();
    this.#beat();
  }

  /** Begins to join; the partitions of the last generation have been given up. */
  join(): void {
    if (this.#state === 'closed') return;
    this.#state = 'joining';
    this.#names = this.#subscription.names(this.#topics);
    this.#timer ??= setInterval(() => this.#beat(), heartbeatIntervalMs).unref();
    const { group, clientId, sessionTimeoutMs, maxPollIntervalMs, groupInstanceId } = this.#options;
    const request = {
      group,
      memberId: this.#memberId,
      groupInstanceId,
      clientId,
      clientHost: inProcessHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs: maxPollIntervalMs,
      protocolType: 'consumer',
      protocols: [{ name: rangeProtocol, metadata: encodeSubscription(this.#names) }],
      requiresKnownMemberId: true,
      supportsSkippingAssignment: false,
    };
    this.#groups.join(request, (result) => this.#joined(result));
  }

  #joined(result: JoinResult): void {
    if (this.#state === 'closed') return;
    if (result.error === 'MEMBER_ID_REQUIRED') {
      this.#memberId = result.memberId;
      this.join();
      return;
    }
    if (result.error !== 'NONE') {
      this.#refused(result.error, 'join');
      return;
    }
    this.#memberId = result.memberId;
    this.#generationId = result.generationId;
    this.#isLeader = result.leader === result.memberId;
    const assignments = this.#isLeader ? this.#assign(result) : [];
    if (!this.#isLeader) this.#watch(this.#names);
    const { protocolType, protocolName } = result;
    this.#groups.sync({ ...this.identity, protocolType, protocolName, assignments }, (answer) => this.#synced(answer));
  }

  /** The leader deals the partitions out. */
  #assign(result: JoinResult): { memberId: string; assignment: Buffer }[] {
    const members = result.members.map(({ memberId, metadata }) => ({
      memberId,
      topics: decodeSubscription(metadata),
    }));
    this.#watch([...new Set(members.flatMap(({ topics }) => topics))]);
    const dealt = assignRanges(members, (topic) => this.#topics.get(topic)?.partitions ?? 0);
    return [...dealt].map(([memberId, partitions]) => ({ memberId, assignment: encodeAssignment(partitions) }));
  }

  #watch(names: readonly string[]): void {
    this.#watched = names;
    this.#fingerprint = fingerprint(names, this.#topics);
  }

  #synced(result: SyncResult): void {
    if (this.#state === 'closed') return;
    if (result.error !== 'NONE') {
      this.#refused(result.error, 'sync');
      return;
    }
    this.#assignment = decodeAssignment(result.assignment);
    this.#become('member');
  }

  /** The coordinator said no while joining. */
  #refused(error: ErrorName, doing: string): void {
    if (error === 'UNKNOWN_MEMBER_ID') this.#forgetMember();
    const isTransient =
      error === 'UNKNOWN_MEMBER_ID' ||
      error === 'ILLEGAL_GENERATION' ||
      error === 'REBALANCE_IN_PROGRESS' ||
      error === 'COORDINATOR_LOAD_IN_PROGRESS' ||
      error === 'COORDINATOR_NOT_AVAILABLE' ||
      error === 'NOT_COORDINATOR';
    if (isTransient) {
      setTimeout(() => {
        if (this.#state === 'joining') this.join();
      }, retryBackoffMs).unref();
      return;
    }
    this.#failure = refusal(
      error,
      `Group "${this.#options.group}" refused to let "${this.#options.clientId}" ${doing}.`,
    );
    this.#become('failed');
  }

  #beat(): void {
    if (this.#state !== 'member') return;
    const now = Date.now();
    if (now - this.#lastPollMs > this.#options.maxPollIntervalMs) {
      this.#leave();
      this.#become('lost');
      return;
    }
    if (now - this.#lastTopicCheckMs >= topicCheckIntervalMs) this.#checkTopics(now);
    if (this.#state !== 'member' || now - this.#lastHeartbeatMs < heartbeatIntervalMs / 2) return;
    this.#lastHeartbeatMs = now;
    this.onCoordinatorError(this.#groups.heartbeat(this.identity));
  }

  /** What an error of a heartbeat or a commit says about this member. */
  onCoordinatorError(error: ErrorName): void {
    if (this.#state !== 'member') return;
    if (error === 'UNKNOWN_MEMBER_ID') this.#forgetMember();
    if (error === 'REBALANCE_IN_PROGRESS') this.#become('rejoin');
    else if (error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION') this.#become('lost');
    else if (error === 'FENCED_INSTANCE_ID') {
      this.#failure = refusal(error, `Another member of "${this.#options.group}" took this one's instance id.`);
      this.#become('failed');
    }
  }

  #checkTopics(now: number): void {
    this.#lastTopicCheckMs = now;
    const names = this.#subscription.names(this.#topics);
    const hasOtherNames = names.length !== this.#names.length || names.some((name, i) => name !== this.#names[i]);
    const hasOtherPartitions = this.#isLeader && fingerprint(this.#watched, this.#topics) !== this.#fingerprint;
    if (hasOtherNames || hasOtherPartitions) this.#become('rejoin');
  }

  #become(state: MembershipState): void {
    this.#state = state;
    this.#onChange();
  }

  #leave(): void {
    if (this.#memberId === '') return;
    const { group, groupInstanceId } = this.#options;
    // A static member stays in the group until its session ends, as in Kafka.
    if (groupInstanceId === null) this.#groups.leave(group, [{ memberId: this.#memberId, groupInstanceId }], () => {});
    this.#forgetMember();
  }

  #forgetMember(): void {
    this.#memberId = '';
    this.#generationId = -1;
  }

  /** Leaves the group for good. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#timer);
    this.#leave();
    this.#onChange();
  }
}
