/**
 * A member of a consumer group that reads from the broker's logs without a socket. Step 8 of the record's journey.
 *
 * `poll` does everything that calls the user's code: it gives up and takes partitions, and hands out records. In
 * between, `Membership` keeps the member alive by itself.
 */
import type { Broker } from '../broker.ts';
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { Isolation } from '../log/types.ts';
import { asLogError, InProcessLogError, refusal } from './errors.ts';
import { Membership, maxPollIntervalMsDefault, sessionTimeoutMsDefault } from './membership.ts';
import { commitOffsets } from './offsets.ts';
import { PartitionReader, type Room } from './partition-reader.ts';
import { Subscription } from './subscription.ts';
import {
  type ConsumerOptions,
  type ConsumerRecord,
  type OffsetAndMetadata,
  partitionName,
  type RebalanceListener,
  type TopicPartition,
} from './types.ts';

/** Kafka's max.poll.records, and a poll's bytes as one partition's max.partition.fetch.bytes. */
const maxPollRecordsDefault = 500;
const maxPollBytesDefault = 1024 * 1024;
/** Kafka's fetch.max.wait.ms. */
const maxWaitMsDefault = 500;
/** A poll that never waits lets the sockets have their turn this often. */
const turnMs = 5;

interface Owned {
  readonly reader: PartitionReader;
  readonly stopListening: () => void;
  isPaused: boolean;
}

export class InProcessConsumer {
  readonly #broker: Broker;
  readonly #options: ConsumerOptions;
  readonly #isolation: Isolation;
  readonly #minBytes: number;
  readonly #maxWaitMs: number;
  readonly #partitionBytesMax: number;
  readonly #onClosed: () => void;
  readonly #owned = new Map<string, Owned>();
  #membership: Membership | null = null;
  #listener: RebalanceListener | null = null;
  /** The generation whose assignment was taken. */
  #takenGeneration = -1;
  #isClosed = false;
  #isAwake = false;
  #wakeUp: (() => void) | null = null;
  #lastTurnMs = 0;
  readonly #wake = (): void => {
    this.#isAwake = true;
    this.#wakeUp?.();
  };

  constructor(broker: Broker, options: ConsumerOptions, onClosed: () => void) {
    this.#broker = broker;
    this.#options = options;
    this.#isolation = options.isolation ?? 'read_uncommitted';
    const overrides = options.overrides ?? {};
    // One byte, Kafka's default, is what every poll that answers has.
    this.#minBytes = numberOf(overrides, 'fetch.min.bytes', 1);
    this.#maxWaitMs = numberOf(overrides, 'fetch.max.wait.ms', maxWaitMsDefault);
    this.#partitionBytesMax = numberOf(overrides, 'max.partition.fetch.bytes', Number.POSITIVE_INFINITY);
    this.#onClosed = onClosed;
  }

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener): void {
    if (this.#membership !== null) throw new Error('A consumer subscribes once; open another for other topics.');
    this.#listener = listener;
    const overrides = this.#options.overrides ?? {};
    const options = {
      group: this.#options.group,
      clientId: this.#options.clientId,
      sessionTimeoutMs: numberOf(overrides, 'session.timeout.ms', sessionTimeoutMsDefault, 1),
      maxPollIntervalMs: numberOf(overrides, 'max.poll.interval.ms', maxPollIntervalMsDefault, 1),
      groupInstanceId: overrides['group.instance.id'] ?? null,
    };
    const { groups, topics: metadata } = this.#broker;
    this.#membership = new Membership(options, groups, metadata, new Subscription(topics), this.#wake);
  }

  async poll(timeoutMs: number): Promise<readonly ConsumerRecord[]> {
    const membership = this.#membership;
    if (membership === null) throw new Error('Subscribe before the first poll.');
    const deadline = Date.now() + timeoutMs;
    membership.polled();
    await this.#giveTurn();
    while (!this.#isClosed) {
      this.#isAwake = false;
      if (await this.#takePart(membership)) {
        const records = this.#read();
        if (records.length > 0) return this.#minBytes <= 1 ? records : this.#gather(records);
      }
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) break;
      if (!this.#isAwake && !this.#isClosed) await this.#sleep(leftMs);
    }
    return [];
  }

  /** Plays this member's part in a rebalance; true when there is an assignment to read. */
  async #takePart(membership: Membership): Promise<boolean> {
    if (membership.state === 'failed') throw membership.failure!;
    if (membership.state === 'out' || membership.state === 'rejoin' || membership.state === 'lost') {
      await this.#giveUp(membership.state === 'lost');
      membership.join();
    }
    if (membership.state !== 'member') return false;
    if (this.#takenGeneration !== membership.generationId) await this.#take(membership);
    return membership.state === 'member' && !this.#isClosed;
  }

  async #giveUp(lost: boolean): Promise<void> {
    const partitions = [...this.#owned.values()].map(({ reader: { topic, partition } }) => ({ topic, partition }));
    if (partitions.length > 0) await this.#listener!.onRevoked(partitions, lost);
    this.#forget();
  }

  #forget(): void {
    for (const { stopListening } of this.#owned.values()) stopListening();
    this.#owned.clear();
  }

  async #take(membership: Membership): Promise<void> {
    const { assignment, generationId } = membership;
    this.#forget();
    for (const partition of assignment) {
      const log = this.#logOf(partition);
      // Deleted between the leader's look and ours: the next rebalance leaves it out.
      if (log === null) continue;
      const reader = new PartitionReader(log, this.#startOf(partition, log), this.#isolation);
      this.#owned.set(partitionName(partition), { reader, stopListening: log.onAdvance(this.#wake), isPaused: false });
    }
    this.#takenGeneration = generationId;
    const taken = [...this.#owned.values()].map(({ reader: { topic, partition } }) => ({ topic, partition }));
    if (taken.length > 0) await this.#listener!.onAssigned(taken);
  }

  #logOf({ topic, partition }: TopicPartition): PartitionLog | null {
    try {
      return this.#broker.log(topic, partition);
    } catch (error) {
      if (errorNameOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw asLogError(error, `The log of ${topic}-${partition} could not be opened`);
    }
  }

  #startOf({ topic, partition }: TopicPartition, log: PartitionLog): number {
    return this.#broker.groups.offset(this.#options.group, topic, partition)?.offset ?? this.#resetOffset(log);
  }

  #resetOffset(log: PartitionLog): number {
    switch (this.#options.autoOffsetReset) {
      case 'earliest':
        return log.logStartOffset;
      case 'latest':
        return this.#isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark;
      default: {
        const message =
          `Group "${this.#options.group}" has no valid offset for ${log.topic}-${log.partition}, and auto.offset.reset ` +
          'is "none". Set its offset, or choose "earliest" or "latest".';
        throw new InProcessLogError('NO_OFFSET_FOR_PARTITION', message, { retriable: false });
      }
    }
  }

  /**
   * fetch.min.bytes: waits for more, up to fetch.max.wait.ms. No rebalance is taken part in meanwhile, so that what was
   * read stays ours; the wait is far shorter than a rebalance is patient.
   */
  async #gather(records: ConsumerRecord[]): Promise<readonly ConsumerRecord[]> {
    const deadline = Date.now() + this.#maxWaitMs;
    let bytes = bytesOf(records, 0);
    for (;;) {
      const leftMs = deadline - Date.now();
      const isFull = records.length >= (this.#options.maxPollRecords ?? maxPollRecordsDefault);
      if (bytes >= this.#minBytes || isFull || leftMs <= 0 || this.#isClosed) return records;
      this.#isAwake = false;
      await this.#sleep(leftMs);
      const before = records.length;
      this.#read(records, bytes);
      bytes += bytesOf(records, before);
    }
  }

  /** `into` has `bytes` already. */
  #read(into: ConsumerRecord[] = [], bytes = 0): ConsumerRecord[] {
    const room = {
      records: (this.#options.maxPollRecords ?? maxPollRecordsDefault) - into.length,
      bytes: (this.#options.maxPollBytes ?? maxPollBytesDefault) - bytes,
    };
    for (const [name, owned] of [...this.#owned]) {
      if (room.records <= 0 || room.bytes <= 0) break;
      if (owned.isPaused) continue;
      const before = into.length;
      this.#readBounded(owned.reader, into, room);
      if (into.length > before) this.#moveLast(name, owned);
    }
    return into;
  }

  /** max.partition.fetch.bytes: one partition takes no more than its part of the room. */
  #readBounded(reader: PartitionReader, into: ConsumerRecord[], room: Room): void {
    const part = { records: room.records, bytes: Math.min(room.bytes, this.#partitionBytesMax) };
    const { bytes } = part;
    this.#readOne(reader, into, part);
    room.records = part.records;
    room.bytes -= bytes - part.bytes;
  }

  #readOne(reader: PartitionReader, into: ConsumerRecord[], room: Room): void {
    try {
      reader.read(into, room);
    } catch (error) {
      if (errorNameOf(error) !== 'OFFSET_OUT_OF_RANGE') {
        // What was read before comes first; the next poll meets the error again.
        if (into.length > 0) return;
        throw asLogError(error, `${reader.topic}-${reader.partition} could not be read at offset ${reader.position}`);
      }
      reader.seek(this.#resetOffset(reader.log));
      this.#wake();
    }
  }

  /** Fairness: who was read goes to the end of the line. */
  #moveLast(name: string, owned: Owned): void {
    this.#owned.delete(name);
    this.#owned.set(name, owned);
  }

  /** Polls that find records never wait for anything; without this they would starve every socket. */
  async #giveTurn(): Promise<void> {
    if (performance.now() - this.#lastTurnMs < turnMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#lastTurnMs = performance.now();
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = null;
    this.#lastTurnMs = performance.now();
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.#wake();
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const owned = this.#owned.get(partitionName(partition));
      if (owned !== undefined) owned.isPaused = isPaused;
    }
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#owned.get(partitionName(partition))?.reader.seek(offset);
    this.#wake();
  }

  position(partition: TopicPartition): number | null {
    return this.#owned.get(partitionName(partition))?.reader.position ?? null;
  }

  logEndOffset(partition: TopicPartition): number | null {
    return this.#owned.get(partitionName(partition))?.reader.logEndOffset ?? null;
  }

  async commit(offsets: readonly OffsetAndMetadata[]): Promise<void> {
    const membership = this.#membership;
    if (membership === null || membership.state === 'closed' || membership.generationId < 0) {
      throw refusal(
        'UNKNOWN_MEMBER_ID',
        `The member is not in group "${this.#options.group}", so nothing was committed.`,
      );
    }
    if (offsets.length === 0) return;
    const errors = await commitOffsets(this.#broker, membership.identity, offsets);
    const index = errors.findIndex((error) => error !== 'NONE');
    if (index < 0) return;
    membership.onCoordinatorError(errors[index]!);
    throw refusal(
      errors[index]!,
      `Group "${this.#options.group}" did not take offset ${offsets[index]!.offset} of ${partitionName(offsets[index]!)}.`,
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#membership?.close();
    this.#forget();
    this.#wake();
    this.#onClosed();
  }
}

function bytesOf(records: readonly ConsumerRecord[], from: number): number {
  let bytes = 0;
  for (let index = from; index < records.length; index++) {
    bytes += (records[index]!.key?.length ?? 0) + (records[index]!.value?.length ?? 0);
  }
  return bytes;
}

function numberOf(overrides: Readonly<Record<string, string>>, key: string, otherwise: number, min = 0): number {
  const text = overrides[key];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min) return value;
  const message = `${key} is "${text}"; it must be a whole number of at least ${min}.`;
  throw new InProcessLogError('INVALID_CONFIG', message, { retriable: false });
}
