/**
 * Members of the consumer protocol (KIP-848) for tests, as clients behave: each sends heartbeats when the test says so,
 * gives up what it is told to, and confirms what it has. `groupFixture` has the coordinator they talk to.
 */
import type {
  ConsumerHeartbeat,
  ConsumerHeartbeatResult,
  TopicPartitions,
} from '../../broker/groups/consumer/types.ts';
import type { GroupCoordinator } from '../../broker/groups/coordinator.ts';
import type { GroupFixture } from './groups.ts';

export const heartbeatDefaults: ConsumerHeartbeat = {
  group: 'g',
  memberId: '',
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: null,
  subscribedTopicRegex: null,
  serverAssignor: null,
  ownedPartitions: null,
  clientId: 'c',
  clientHost: '/127.0.0.1',
  requiresMemberId: true,
};

/** Sends one heartbeat; the answer, or null while it waits for the log. */
export function beat(
  coordinator: GroupCoordinator,
  request: Partial<ConsumerHeartbeat>,
): ConsumerHeartbeatResult | null {
  let answer: ConsumerHeartbeatResult | null = null;
  coordinator.consumerHeartbeat({ ...heartbeatDefaults, ...request }, (result) => {
    if (answer !== null) throw new Error('A heartbeat was answered twice.');
    answer = result;
  });
  return answer;
}

export class SimulatedMember {
  readonly memberId: string;
  /** Changed by a test that restarts the coordinator. */
  fixture: GroupFixture;
  epoch = 0;
  /** `topic id/partition`, what it works on. */
  owned = new Set<string>();
  /** What it was last told to have. */
  told = new Set<string>();
  /** While true it goes on working on what it was told to give up. */
  isSlow = false;
  last: ConsumerHeartbeatResult | null = null;
  readonly #subscription: Partial<ConsumerHeartbeat>;

  constructor(fixture: GroupFixture, memberId: string, subscription: Partial<ConsumerHeartbeat> = {}) {
    this.fixture = fixture;
    this.memberId = memberId;
    this.#subscription = { subscribedTopicNames: ['t'], rebalanceTimeoutMs: 30_000, ...subscription };
  }

  join(): this {
    this.epoch = 0;
    this.owned.clear();
    return this.#send({ ...this.#subscription, ownedPartitions: [] });
  }

  /** One heartbeat, saying what it has; then it does what it hears. A fenced member drops all and joins again. */
  beat(change: Partial<ConsumerHeartbeat> = {}): this {
    return this.#send({ ownedPartitions: this.#listed(), ...change });
  }

  leave(epoch = -1): this {
    this.epoch = epoch;
    this.owned.clear();
    return this.#send({});
  }

  #send(request: Partial<ConsumerHeartbeat>): this {
    const { memberId, epoch: memberEpoch } = this;
    const instanceId = this.#subscription.instanceId ?? null;
    const group = this.#subscription.group ?? 'g';
    this.last = beat(this.fixture.coordinator, { ...request, group, memberId, memberEpoch, instanceId });
    if (this.last === null || memberEpoch < 0) return this;
    if (this.last.error === 'FENCED_MEMBER_EPOCH' || this.last.error === 'UNKNOWN_MEMBER_ID') return this.join();
    if (this.last.error !== 'NONE') return this;
    this.epoch = this.last.memberEpoch;
    if (this.last.assignment !== null) this.told = keysOf(this.last.assignment);
    if (this.isSlow) for (const key of this.told) this.owned.add(key);
    else this.owned = new Set(this.told);
    return this;
  }

  #listed(): TopicPartitions[] {
    const byTopic = new Map<string, number[]>();
    for (const key of this.owned) {
      const [topicId, partition] = key.split('/');
      byTopic.set(topicId!, [...(byTopic.get(topicId!) ?? []), Number(partition)]);
    }
    return [...byTopic].map(([topicId, partitions]) => ({ topicId, partitions }));
  }
}

function keysOf(assignment: readonly TopicPartitions[]): Set<string> {
  return new Set(
    assignment.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}/${partition}`)),
  );
}

/** All beat in turn until nobody moves any more. */
export function settle(members: readonly SimulatedMember[]): void {
  const rounds = 20;
  for (let round = 0; round < rounds; round++) {
    const before = members.map(({ epoch, owned }) => `${epoch}:${[...owned].sort()}`).join(' ');
    for (const member of members) member.beat();
    if (members.map(({ epoch, owned }) => `${epoch}:${[...owned].sort()}`).join(' ') === before) return;
  }
  throw new Error(`The group did not settle within ${rounds} rounds.`);
}
