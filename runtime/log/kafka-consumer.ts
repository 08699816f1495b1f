/**
 * A group member over kafkajs, turned from push to poll.
 *
 * kafkajs hands a batch to a handler and goes on when it returns; here the handler waits, with heartbeats, until `poll`
 * has taken the batch. When the group rebalances while a batch waits, `poll` first lets the listener flush and commit.
 * When it rebalances while nothing waits, kafkajs has already joined again: then what left us counts as lost, what
 * stayed is revoked and assigned anew. Both are at least once. Each run is a member of its own (`kafka-member.ts`); one
 * that stands still fails `poll`.
 */
import type { EachBatchPayload } from 'kafkajs';
import {
  type ConsumerOptions,
  type ConsumerRecord,
  type LogClient,
  type LogConsumer,
  LogError,
  type OffsetAndMetadata,
  type RebalanceListener,
  type TopicPartition,
} from './client.ts';
import { asLogError, withLogErrors } from './kafka-errors.ts';
import { KafkaMember, type OpenKafka } from './kafka-member.ts';
import { consumerRecord } from './kafka-records.ts';
import { silenceMs } from './kafka-watch.ts';

/** Between two heartbeats of a waiting batch; kafkajs sends one only when its own interval has passed. */
const HEARTBEAT_MS = 1_000;
/** How long a rebalance may wait for the poller to flush and commit; the group's own limit is 60 s. */
const REVOKE_DEADLINE_MS = 30_000;
/** How often a subscription looks for topics that are new. */
const TOPICS_MS = 3_000;
const FETCH_WAIT_MS = 250;
const DEFAULT_MAX_POLL_RECORDS = 500;
/** After these kafkajs joins the group again. After any other, as of a broker that restarts, it reads on as the member it was. */
const REJOIN_CODES = ['REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'];

interface Waiting extends TopicPartition {
  readonly records: readonly ConsumerRecord[];
  next: number;
  /** Ends the handler's wait: taken, dropped or closed. */
  readonly release: () => void;
}

interface Owned extends TopicPartition {
  position: number | null;
  logEndOffset: number | null;
  isPaused: boolean;
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;

export class KafkaConsumer implements LogConsumer {
  readonly #log: LogClient;
  readonly #open: OpenKafka;
  readonly #options: ConsumerOptions;
  readonly #silenceMs: number;
  /** Null before there are topics to read. */
  #member: KafkaMember | null = null;
  #topics: readonly string[] | RegExp = [];
  #subscribed: readonly string[] = [];
  #listener: RebalanceListener | undefined;
  readonly #owned = new Map<string, Owned>();
  #waiting: Waiting[] = [];
  /** A new assignment that `poll` has not taken yet. */
  #joined: readonly TopicPartition[] | null = null;
  #lastJoined: readonly TopicPartition[] = [];
  /** All was given up for a rebalance, and kafkajs has not joined again yet. */
  #hasGivenUp = false;
  /** A rebalance waits for `poll` to give up what it owns. */
  #giveUp: (() => void) | null = null;
  #failure: LogError | null = null;
  #nextLookAt = 0;
  #wake: () => void = () => {};
  /** Ends the pending `poll`, whatever it waits for. */
  #endPoll: (error: LogError) => void = () => {};
  #isClosed = false;

  /** `limitMs`: how long a member may be silent before it is given up. */
  constructor(open: OpenKafka, log: LogClient, options: ConsumerOptions, limitMs?: number) {
    this.#open = open;
    this.#log = log;
    this.#options = options;
    this.#silenceMs = limitMs ?? silenceMs(timeoutsOf(options.overrides ?? {}).rebalanceTimeout);
  }

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener): void {
    this.#topics = topics;
    this.#listener = listener;
  }

  poll(timeoutMs: number): Promise<readonly ConsumerRecord[]> {
    return new Promise((resolve, reject) => {
      this.#endPoll = reject;
      this.#poll(timeoutMs).then(resolve, reject);
    });
  }

  async #poll(timeoutMs: number): Promise<readonly ConsumerRecord[]> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#isClosed) {
      if (this.#failure !== null) throw this.#failure;
      if (Date.now() >= this.#nextLookAt) await this.#lookForTopics();
      await this.#takePart();
      const records = this.#take();
      if (records.length > 0) return records;
      const left = Math.min(deadline, this.#nextLookAt) - Date.now();
      if (Date.now() >= deadline || this.#isClosed) break;
      await this.#sleep(left);
    }
    return [];
  }

  /** kafkajs settles a subscription once; a topic that appears later takes a new run. */
  async #lookForTopics(): Promise<void> {
    this.#nextLookAt = Date.now() + TOPICS_MS;
    const all = await this.#log.describeTopics();
    const topics = this.#topics;
    const wanted = all
      .map(({ topic }) => topic)
      .filter((topic) => (topics instanceof RegExp ? topics.test(topic) : topics.includes(topic)));
    if (wanted.length === 0 || wanted.every((topic) => this.#subscribed.includes(topic))) return;
    if (this.#member !== null) {
      await this.#revoke(this.#list(), false);
      await this.#member.end();
    }
    if (this.#isClosed) return;
    await withLogErrors('Subscribing', this.#run(wanted));
  }

  async #run(topics: readonly string[]): Promise<void> {
    const member = this.#newMember();
    this.#member = member;
    this.#joined = null;
    this.#hasGivenUp = false;
    this.#subscribed = topics;
    const fromBeginning = this.#options.autoOffsetReset !== 'latest';
    try {
      await member.run(topics, fromBeginning, (batch) => this.#onBatch(member, batch));
    } catch (error) {
      this.#subscribed = [];
      throw error;
    }
  }

  #newMember(): KafkaMember {
    const options = this.#options;
    const config = {
      groupId: options.group,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      readUncommitted: options.isolation === 'read_uncommitted',
      ...(options.maxPollBytes === undefined ? {} : { maxBytes: options.maxPollBytes }),
      ...timeoutsOf(options.overrides ?? {}),
    };
    const member = new KafkaMember(this.#open, config, this.#silenceMs, (error) => this.#fail(error));
    const { consumer } = member;
    consumer.on('consumer.group_join', ({ payload }) => {
      if (member !== this.#member) return;
      this.#joined = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      this.#lastJoined = this.#joined;
      this.#hasGivenUp = false;
      this.#wake();
    });
    // Transaction markers are handed to nobody, but they are read: without this a partition would lag behind for ever.
    consumer.on('consumer.end_batch_process', ({ payload }) => {
      const owned = member === this.#member ? this.#owned.get(keyOf(payload)) : undefined;
      if (payload.batchSize > 0 || owned?.position == null || Number(payload.firstOffset) > owned.position) return;
      owned.position = Math.max(owned.position, Number(payload.lastOffset) + 1);
    });
    consumer.on('consumer.crash', ({ payload }) => {
      if (member !== this.#member) return;
      if (!payload.restart) this.#fail(asLogError(payload.error, `Consuming for group "${options.group}"`));
      this.#wake();
    });
    return member;
  }

  /** Whatever `poll` waits for: it ends, and so does every other. */
  #fail(error: LogError): void {
    this.#failure = error;
    this.#endPoll(error);
  }

  /** kafkajs's handler: returns when `poll` has taken the batch. */
  async #onBatch(
    member: KafkaMember,
    { batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload,
  ): Promise<void> {
    if (member.isEnded) return;
    const { topic, partition } = batch;
    this.#takeBack();
    const owned = this.#owned.get(keyOf(batch));
    if (owned !== undefined) owned.logEndOffset = Number(batch.highWatermark);
    const records = batch.messages.map((message) => consumerRecord(topic, partition, message));
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const waiting: Waiting = { topic, partition, records, next: 0, release };
    this.#waiting.push(waiting);
    this.#wake();
    const isTaken = () => waiting.next >= records.length;
    try {
      while (!isTaken() && !member.isEnded && isRunning() && !isStale() && this.#waiting.includes(waiting)) {
        await Promise.race([released, delay(HEARTBEAT_MS)]);
        await heartbeat();
      }
      if (isTaken()) resolveOffset(batch.lastOffset());
    } catch (error) {
      if (!member.isEnded && REJOIN_CODES.includes((error as { type?: string }).type ?? '')) await this.#letGo();
      throw error;
    } finally {
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
    }
  }

  /** The rebalance was lost with a broker that died under it: kafkajs reads on without a join, so what it had is ours again. */
  #takeBack(): void {
    if (!this.#hasGivenUp) return;
    this.#hasGivenUp = false;
    this.#joined = this.#lastJoined;
  }

  /** The group rebalances: gives the poller the time to flush and commit before kafkajs joins again. */
  #letGo(): Promise<void> {
    if (this.#owned.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, REVOKE_DEADLINE_MS);
      const before = this.#giveUp;
      this.#giveUp = () => {
        clearTimeout(timer);
        before?.();
        resolve();
      };
      this.#wake();
    });
  }

  async #takePart(): Promise<void> {
    if (this.#giveUp !== null) {
      await this.#revoke(this.#list(), false);
      this.#hasGivenUp = this.#joined === null;
      this.#giveUp?.();
      this.#giveUp = null;
    }
    const joined = this.#joined;
    if (joined === null) return;
    this.#joined = null;
    const stays = (owned: TopicPartition) => joined.some((each) => keyOf(each) === keyOf(owned));
    const before = this.#list();
    await this.#revoke(
      before.filter((each) => !stays(each)),
      true,
    );
    await this.#revoke(before.filter(stays), false);
    await this.#assign(joined);
  }

  async #revoke(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    if (partitions.length === 0) return;
    await this.#listener?.onRevoked(partitions, lost);
    for (const partition of partitions) this.#forget(partition);
  }

  #forget(partition: TopicPartition): void {
    this.#owned.delete(keyOf(partition));
    this.#dropWaiting(partition);
  }

  #dropWaiting(partition: TopicPartition): void {
    const dropped = this.#waiting.filter((each) => keyOf(each) === keyOf(partition));
    this.#waiting = this.#waiting.filter((each) => !dropped.includes(each));
    for (const { release } of dropped) release();
  }

  /** Starts where the group left off, said explicitly: kafkajs would keep the place to itself. */
  async #assign(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    const committed = await this.#log.groupOffsets(this.#options.group);
    for (const partition of partitions) {
      const known = committed.find((each) => keyOf(each) === keyOf(partition));
      const ends = await this.#log.offsets(partition);
      if (this.#isClosed) return;
      const position = known?.offset ?? this.#reset(partition, ends);
      const { logEndOffset } = ends;
      this.#owned.set(keyOf(partition), { ...partition, position, logEndOffset, isPaused: false });
      this.#dropWaiting(partition);
      this.#member?.seek(partition, position);
    }
    await this.#listener?.onAssigned(partitions);
  }

  #reset(partition: TopicPartition, ends: { logStartOffset: number; logEndOffset: number }): number {
    if (this.#options.autoOffsetReset === 'earliest') return ends.logStartOffset;
    if (this.#options.autoOffsetReset === 'latest') return ends.logEndOffset;
    const message = `Group "${this.#options.group}" has no offset for ${keyOf(partition)}.`;
    throw new LogError('NO_OFFSET_FOR_PARTITION', message, { retriable: false });
  }

  /** What waits, of partitions that are ours and not paused, from the position on. */
  #take(): readonly ConsumerRecord[] {
    const max = this.#options.maxPollRecords ?? DEFAULT_MAX_POLL_RECORDS;
    const taken: ConsumerRecord[] = [];
    for (const waiting of [...this.#waiting]) {
      const owned = this.#owned.get(keyOf(waiting));
      if (owned === undefined || owned.isPaused) continue;
      while (waiting.next < waiting.records.length && taken.length < max) {
        const record = waiting.records[waiting.next++]!;
        if (owned.position !== null && record.offset < owned.position) continue;
        owned.position = record.offset + 1;
        taken.push(record);
      }
      if (waiting.next >= waiting.records.length) {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        waiting.release();
      }
      if (taken.length >= max) break;
    }
    return taken;
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.#wake();
  }

  /** A paused partition's batch waits in our hands; kafkajs itself is not told. */
  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const owned = this.#owned.get(keyOf(partition));
      if (owned !== undefined) owned.isPaused = isPaused;
    }
  }

  seek(partition: TopicPartition, offset: number): void {
    const owned = this.#owned.get(keyOf(partition));
    if (owned === undefined) return;
    owned.position = offset;
    this.#dropWaiting(partition);
    this.#member?.seek(partition, offset);
  }

  position(partition: TopicPartition): number | null {
    return this.#owned.get(keyOf(partition))?.position ?? null;
  }

  logEndOffset(partition: TopicPartition): number | null {
    return this.#owned.get(keyOf(partition))?.logEndOffset ?? null;
  }

  async commit(offsets: readonly OffsetAndMetadata[]): Promise<void> {
    if (offsets.length === 0) return;
    if (this.#isClosed || this.#member === null) {
      const message = `The member is no longer in group "${this.#options.group}", so its offsets were not committed.`;
      throw new LogError('UNKNOWN_MEMBER_ID', message, { retriable: false });
    }
    await this.#member.commit(offsets);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    this.#giveUp?.();
    for (const { release } of this.#waiting) release();
    await this.#member?.end();
    this.#owned.clear();
    this.#waiting = [];
  }

  #list(): TopicPartition[] {
    return [...this.#owned.values()].map(({ topic, partition }) => ({ topic, partition }));
  }
}

/** Kafka's consumer keys that kafkajs has a word for. */
function timeoutsOf(overrides: Readonly<Record<string, string>>) {
  const words = {
    'session.timeout.ms': 'sessionTimeout',
    'heartbeat.interval.ms': 'heartbeatInterval',
    'max.poll.interval.ms': 'rebalanceTimeout',
    'fetch.min.bytes': 'minBytes',
    'fetch.max.wait.ms': 'maxWaitTimeInMs',
    'max.partition.fetch.bytes': 'maxBytesPerPartition',
  } as const;
  const given = Object.entries(words).filter(([key]) => Number(overrides[key]) > 0);
  return Object.fromEntries(given.map(([key, word]) => [word, Number(overrides[key])]));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
