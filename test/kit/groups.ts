/**
 * A group coordinator without time or disk: timers move when the test says so, records are kept in a list and become
 * durable at once, later or never. Every option is defaulted; a test sets what it is about.
 */

import { ConsumerGroups } from '../../broker/groups/consumer/coordinator.ts';
import type { ConsumerGroupsConfig, GroupTopic, TopicsView } from '../../broker/groups/consumer/types.ts';
import { type CoordinatorConfig, GroupCoordinator } from '../../broker/groups/coordinator.ts';
import type { GroupLog } from '../../broker/groups/group-log.ts';
import { type CoordinatorRecord, decodeRecord } from '../../broker/groups/records.ts';
import { ShareGroups } from '../../broker/groups/share/coordinator.ts';
import type { Timers } from '../../broker/groups/timers.ts';
import type {
  JoinRequest,
  JoinResult,
  LeaveResult,
  LeavingMember,
  SyncRequest,
  SyncResult,
} from '../../broker/groups/types.ts';
import type { ErrorName } from '../../broker/protocol/error-codes.ts';

export class SimulatedTimers implements Timers {
  #now = 1_000_000;
  #due: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  set(delayMs: number, run: () => void) {
    const entry = { at: this.#now + delayMs, run };
    this.#due.push(entry);
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== entry);
      },
    };
  }

  /** Runs what falls due, in order, each at its own moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((entry) => entry !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  get pendingCount(): number {
    return this.#due.length;
  }
}

export class SimulatedGroupLog implements GroupLog {
  readonly records: CoordinatorRecord[] = [];
  /** What the next appends end with. */
  error: ErrorName | null = null;
  /** While true, appends wait for `settle`. */
  isHeld = false;
  #held: (() => void)[] = [];

  append(_group: string, records: readonly CoordinatorRecord[], done: (error: ErrorName | null) => void): void {
    const { error } = this;
    const finish = () => {
      if (error === null) this.records.push(...records);
      done(error);
    };
    if (this.isHeld) this.#held.push(finish);
    else finish();
  }

  settle(): void {
    this.isHeld = false;
    for (const finish of this.#held.splice(0)) finish();
  }
}

export interface GroupFixture {
  readonly coordinator: GroupCoordinator;
  readonly timers: SimulatedTimers;
  readonly log: SimulatedGroupLog;
  readonly topics: SimulatedTopics;
  /** Sends a JoinGroup; `result` is null while it waits. */
  join(request?: Partial<JoinRequest>): { result: JoinResult | null };
  sync(request: Partial<SyncRequest> & { memberId: string }): { result: SyncResult | null };
  /** Sends a LeaveGroup; null while it waits. */
  leave(members: readonly LeavingMember[], group?: string): LeaveResult | null;
  /** Members that know their ids, synced: the first is the leader. Their ids. */
  stable(count: number, request?: Partial<JoinRequest>): string[];
  /** A coordinator that replays what this one has written. */
  restarted(): GroupFixture;
}

const defaults: CoordinatorConfig = {
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 1_800_000,
  sizeMax: 2 ** 31 - 1,
  initialDelayMs: 3000,
  offsetMetadataBytesMax: 4096,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
};

/** The consumer protocol as a broker ships it. */
export const consumerDefaults: ConsumerGroupsConfig = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5000,
  sizeMax: 2 ** 31 - 1,
  assignors: ['uniform', 'range'],
  assignmentIntervalMs: 0,
  regexRefreshIntervalMs: 600_000,
  isUpgradeEnabled: true,
  isDowngradeEnabled: true,
  classicSizeMax: 2 ** 31 - 1,
};

/** Topics that exist because a test says so. */
export class SimulatedTopics implements TopicsView {
  readonly #byName = new Map<string, GroupTopic>();
  readonly #byId = new Map<string, GroupTopic>();
  #count = 0;

  /** Makes a topic, or grows it. */
  set(name: string, partitions: number): GroupTopic {
    const id = Buffer.alloc(16);
    id.writeUInt32BE(++this.#count, 12);
    const topicId = this.#byName.get(name)?.topicId ?? id.toString('base64url');
    const topic = { name, topicId, partitions };
    this.#byName.set(name, topic);
    this.#byId.set(topicId, topic);
    return topic;
  }

  delete(name: string): void {
    const topic = this.#byName.get(name);
    if (topic !== undefined) this.#byId.delete(topic.topicId);
    this.#byName.delete(name);
  }

  get(name: string): GroupTopic | undefined {
    return this.#byName.get(name);
  }

  byId(topicId: string): GroupTopic | undefined {
    return this.#byId.get(topicId);
  }

  all(): Iterable<GroupTopic> {
    return this.#byName.values();
  }
}

export const joinDefaults: JoinRequest = {
  group: 'g',
  memberId: '',
  groupInstanceId: null,
  clientId: 'c',
  clientHost: '/127.0.0.1',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('r') }],
  requiresKnownMemberId: false,
  supportsSkippingAssignment: true,
};

/** Share groups that deliver nothing. */
const shareDefaults = {
  sizeMax: 200,
  settingsOf: () => ({ sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000 }),
  forgetDelivery: (_group: string, done: (error: null) => void) => done(null),
};

function replayAll(coordinator: GroupCoordinator, records: readonly CoordinatorRecord[]): void {
  for (const { key, value } of records) {
    const record = decodeRecord(key, value);
    if (record?.type === 'share-group') coordinator.shares.replay(record);
    else if (record !== null) coordinator.replay(record);
  }
  coordinator.replayed();
  coordinator.shares.replayed();
}

export function groupFixture(
  config: Partial<CoordinatorConfig> = {},
  records: readonly CoordinatorRecord[] = [],
  topics = new SimulatedTopics(),
  consumerConfig: Partial<ConsumerGroupsConfig> = {},
): GroupFixture {
  const timers = new SimulatedTimers();
  const log = new SimulatedGroupLog();
  const configOf = () => ({ ...consumerDefaults, ...consumerConfig });
  const consumers = new ConsumerGroups({ configOf, timers, log, topics });
  const shares = new ShareGroups({ ...shareDefaults, timers, log, topics, isTaken: (id) => coordinator.has(id) });
  const coordinator = new GroupCoordinator({ ...defaults, ...config }, timers, log, consumers, shares);
  replayAll(coordinator, records);
  log.records.push(...records);
  const join: GroupFixture['join'] = (request = {}) => {
    const call: { result: JoinResult | null } = { result: null };
    coordinator.join({ ...joinDefaults, ...request }, (result) => {
      if (call.result !== null) throw new Error('A join was answered twice.');
      call.result = result;
    });
    return call;
  };
  const sync: GroupFixture['sync'] = (request) => {
    const call: { result: SyncResult | null } = { result: null };
    const whole = {
      group: 'g',
      groupInstanceId: null,
      generationId: 1,
      protocolType: null,
      protocolName: null,
      assignments: [],
    };
    coordinator.sync({ ...whole, ...request }, (result) => {
      if (call.result !== null) throw new Error('A sync was answered twice.');
      call.result = result;
    });
    return call;
  };
  const leave: GroupFixture['leave'] = (members, group = 'g') => {
    let answer: LeaveResult | null = null;
    coordinator.leave(group, members, (result) => {
      answer = result;
    });
    return answer;
  };
  const stable: GroupFixture['stable'] = (count, request = {}) => {
    const joins = Array.from({ length: count }, (_, index) =>
      join({
        ...request,
        ...(request.groupInstanceId ? { groupInstanceId: `${request.groupInstanceId}${index}` } : {}),
      }),
    );
    timers.advance({ ...defaults, ...config }.initialDelayMs * (count + 1));
    const results = joins.map(({ result }) => result!);
    const leader = results.find((result) => result.leader === result.memberId)!;
    const assignments = results.map(({ memberId }, index) => ({ memberId, assignment: Buffer.from(`a${index}`) }));
    for (const { memberId, generationId } of results) {
      sync({ memberId, generationId, assignments: memberId === leader.memberId ? assignments : [] });
    }
    return [leader.memberId, ...results.map(({ memberId }) => memberId).filter((id) => id !== leader.memberId)];
  };
  return {
    coordinator,
    timers,
    log,
    topics,
    join,
    sync,
    leave,
    stable,
    restarted: () => groupFixture(config, log.records, topics, consumerConfig),
  };
}
