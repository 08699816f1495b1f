/**
 * Members of the classic protocol for tests, as the Java client behaves: eager ones give up everything before they join
 * again, cooperative ones keep what they have and say so. Who is made leader assigns. Beside consumer-groups.ts, whose
 * members speak the new protocol.
 */
import { readAssignment, readSubscription, writeAssignment } from '../../broker/groups/embedded-protocol.ts';
import type { JoinedMember, JoinResult, SyncResult } from '../../broker/groups/types.ts';
import { encodeConsumerProtocolSubscription } from '../../broker/protocol/messages/generated/consumer-protocol-subscription.ts';
import { Writer } from '../../broker/protocol/writer.ts';
import { type GroupFixture, joinDefaults } from './groups.ts';

const subscriptionVersion = 3;

export interface ClassicOptions {
  readonly topics?: readonly string[];
  readonly isCooperative?: boolean;
  readonly groupInstanceId?: string | null;
}

export class SimulatedClassicMember {
  /** Changed by a test that restarts the coordinator. */
  fixture: GroupFixture;
  memberId = '';
  generationId = -1;
  /** `topic id/partition`, what it works on. */
  owned = new Set<string>();
  /** What the last request was answered with. */
  lastError = 'NONE';
  readonly isCooperative: boolean;
  readonly #topics: readonly string[];
  readonly #groupInstanceId: string | null;
  /** A request is on its way; answers to older ones are nobody's. */
  #request = 0;
  #isWaiting = false;
  #mustJoin = true;
  /** A leader looks out for partitions it has not dealt out; 0 for who is none. */
  #partitionsDealt = 0;

  constructor(fixture: GroupFixture, options: ClassicOptions = {}) {
    this.fixture = fixture;
    this.#topics = options.topics ?? ['t'];
    this.isCooperative = options.isCooperative ?? false;
    this.#groupInstanceId = options.groupInstanceId ?? null;
  }

  /** One sign of life: a heartbeat, or the join it was told of. */
  beat(): this {
    if (this.#isWaiting) return this;
    const hasNewPartitions = this.#partitionsDealt > 0 && this.#partitionsDealt !== this.#countPartitions();
    if (this.#mustJoin || hasNewPartitions) return this.join();
    const error = this.fixture.coordinator.heartbeat(this.#identity);
    this.lastError = error;
    if (error === 'REBALANCE_IN_PROGRESS') this.#mustJoin = true;
    else if (error !== 'NONE') this.#lose(error);
    return this;
  }

  join(): this {
    if (!this.isCooperative) this.owned.clear();
    this.#mustJoin = false;
    this.#isWaiting = true;
    const request = ++this.#request;
    const joining = {
      ...joinDefaults,
      memberId: this.memberId,
      groupInstanceId: this.#groupInstanceId,
      sessionTimeoutMs: 45_000,
      protocols: [{ name: this.isCooperative ? 'cooperative-sticky' : 'range', metadata: this.#subscription() }],
      requiresKnownMemberId: true,
    };
    this.fixture.coordinator.join(joining, (result) => {
      if (request === this.#request) this.#joined(result);
    });
    return this;
  }

  leave(): this {
    this.#request++;
    this.owned.clear();
    this.fixture.leave([{ memberId: this.memberId, groupInstanceId: this.#groupInstanceId }]);
    return this;
  }

  /** Its connection broke: whatever it waits for never comes. */
  disconnected(): void {
    this.#request++;
    if (this.#isWaiting) this.#mustJoin = true;
    this.#isWaiting = false;
  }

  /** It is out and knows it. */
  lost(): void {
    this.disconnected();
    this.#lose('UNKNOWN_MEMBER_ID');
  }

  #joined(result: JoinResult): void {
    this.#isWaiting = false;
    this.lastError = result.error;
    if (result.error === 'MEMBER_ID_REQUIRED') {
      this.memberId = result.memberId;
      this.join();
      return;
    }
    if (result.error !== 'NONE') {
      this.#mustJoin = true;
      if (result.error === 'UNKNOWN_MEMBER_ID') this.#lose(result.error);
      return;
    }
    this.memberId = result.memberId;
    this.generationId = result.generationId;
    this.#isWaiting = true;
    const request = this.#request;
    const { protocolType, protocolName } = result;
    const isLeader = result.leader === result.memberId;
    const assignments = isLeader ? this.#assign(result.members) : [];
    this.#partitionsDealt = isLeader ? this.#countPartitions() : 0;
    const sync = { ...this.#identity, protocolType, protocolName, assignments };
    this.fixture.coordinator.sync(sync, (answer) => {
      if (request === this.#request) this.#synced(answer);
    });
  }

  #synced({ error, assignment }: SyncResult): void {
    this.#isWaiting = false;
    this.lastError = error;
    if (error !== 'NONE') {
      this.#mustJoin = true;
      if (error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION') this.#lose(error);
      return;
    }
    const before = this.owned;
    this.owned = new Set(
      readAssignment(assignment)!.assignedPartitions.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => `${this.fixture.topics.get(topic)?.topicId}/${partition}`),
      ),
    );
    // What it gave up just now others can only get when it has said so.
    this.#mustJoin = this.isCooperative && [...before].some((key) => !this.owned.has(key));
  }

  #lose(error: string): void {
    if (error === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    this.generationId = -1;
    this.owned.clear();
    this.#mustJoin = true;
  }

  /** Round robin, in which a partition that somebody still has goes to nobody else. */
  #assign(members: readonly JoinedMember[]): { memberId: string; assignment: Buffer }[] {
    const shares = members.map(({ memberId, metadata }) => ({
      memberId,
      metadata,
      subscription: readSubscription(metadata)!,
      assigned: [] as { topic: string; partitions: number[] }[],
    }));
    const hasIt = (topic: string, partition: number) =>
      shares.find(({ subscription }) =>
        subscription.ownedPartitions.some((owned) => owned.topic === topic && owned.partitions.includes(partition)),
      );
    for (const topic of new Set(shares.flatMap(({ subscription }) => subscription.topics))) {
      const takers = shares.filter(({ subscription }) => subscription.topics.includes(topic));
      const count = this.fixture.topics.get(topic)?.partitions ?? 0;
      for (let partition = 0; partition < count; partition++) {
        const taker = takers[partition % takers.length]!;
        const owner = hasIt(topic, partition);
        if (owner === undefined || owner === taker) taker.assigned.push({ topic, partitions: [partition] });
      }
    }
    return shares.map(({ memberId, metadata, assigned }) => ({
      memberId,
      assignment: writeAssignment(assigned, metadata),
    }));
  }

  #countPartitions(): number {
    return this.#topics.reduce((sum, topic) => sum + (this.fixture.topics.get(topic)?.partitions ?? 0), 0);
  }

  #subscription(): Buffer {
    const byTopic = new Map<string, number[]>();
    for (const key of this.owned) {
      const [topicId, partition] = key.split('/');
      const topic = this.fixture.topics.byId(topicId!)?.name;
      if (topic !== undefined) byTopic.set(topic, [...(byTopic.get(topic) ?? []), Number(partition)]);
    }
    const ownedPartitions = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }));
    const writer = new Writer();
    writer.int16(subscriptionVersion);
    const subscription = { topics: [...this.#topics], ownedPartitions, generationId: this.generationId };
    encodeConsumerProtocolSubscription(writer, subscription, subscriptionVersion);
    return writer.toBuffer();
  }

  get #identity() {
    const { memberId, generationId } = this;
    return { group: joinDefaults.group, memberId, groupInstanceId: this.#groupInstanceId, generationId };
  }
}
