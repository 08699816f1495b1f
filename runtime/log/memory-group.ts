/**
 * Consumer groups of the in-memory log: membership, eager rebalance, committed offsets.
 *
 * Follows the classic protocol's rules, not its messages: a change makes every member give up its partitions inside its
 * next `poll`; when all have, the partitions are dealt out again. A member that does not poll in time is put out and
 * told that its partitions are lost.
 */
import {
  type ConsumerOptions,
  type ConsumerRecord,
  type LogConsumer,
  LogError,
  type OffsetAndMetadata,
  type RebalanceListener,
  type TopicPartition,
} from './client.ts';
import { type MemoryLog, partitionKey } from './memory.ts';

/** How long a rebalance waits for members that do not poll; Kafka's default for a whole rebalance is 60 s. */
const REBALANCE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_POLL_RECORDS = 500;
const DEFAULT_MAX_POLL_BYTES = 1 << 20;

export class MemoryGroup {
  readonly name: string;
  readonly offsets = new Map<string, OffsetAndMetadata>();
  generation = 0;
  isRebalancing = false;
  readonly #log: MemoryLog;
  readonly #members = new Set<MemoryConsumer>();
  readonly #joined = new Set<MemoryConsumer>();
  #assignment = new Map<MemoryConsumer, TopicPartition[]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, log: MemoryLog) {
    this.name = name;
    this.#log = log;
  }

  has(member: MemoryConsumer): boolean {
    return this.#members.has(member);
  }

  hasJoined(member: MemoryConsumer): boolean {
    return this.#joined.has(member);
  }

  assignmentOf(member: MemoryConsumer): readonly TopicPartition[] {
    return this.#assignment.get(member) ?? [];
  }

  refuseWhileAlive(): void {
    if (this.#members.size === 0) return;
    const message = `Group "${this.name}" still has ${this.#members.size} members. Stop them first.`;
    throw new LogError('NON_EMPTY_GROUP', message, { retriable: false });
  }

  add(member: MemoryConsumer): void {
    this.#members.add(member);
    this.#rebalance();
  }

  remove(member: MemoryConsumer): void {
    this.#joined.delete(member);
    if (this.#members.delete(member)) this.#rebalance();
  }

  /** The member has given up its partitions and is ready for new ones. */
  join(member: MemoryConsumer): void {
    this.#joined.add(member);
    if (this.#joined.size === this.#members.size) this.#complete();
  }

  topicsChanged(): void {
    if (this.#members.size > 0) this.#rebalance();
  }

  #rebalance(): void {
    this.#joined.clear();
    this.isRebalancing = this.#members.size > 0;
    clearTimeout(this.#timer);
    if (!this.isRebalancing) return;
    this.#timer = setTimeout(() => this.#complete(), REBALANCE_TIMEOUT_MS).unref();
    for (const member of this.#members) member.wake();
  }

  #complete(): void {
    clearTimeout(this.#timer);
    for (const member of this.#members) if (!this.#joined.has(member)) this.#members.delete(member);
    this.generation++;
    this.isRebalancing = false;
    this.#assignment = this.#deal();
    for (const member of this.#members) member.wake();
  }

  /** Round robin, topic by topic, over the members that subscribe to it. */
  #deal(): Map<MemoryConsumer, TopicPartition[]> {
    const dealt = new Map<MemoryConsumer, TopicPartition[]>([...this.#members].map((member) => [member, []]));
    let next = 0;
    for (const topic of this.#log.topicNames()) {
      const interested = [...this.#members].filter((member) => member.wants(topic));
      if (interested.length === 0) continue;
      for (let partition = 0; partition < this.#log.partitionCount(topic); partition++) {
        dealt.get(interested[next++ % interested.length]!)!.push({ topic, partition });
      }
    }
    return dealt;
  }
}

interface Owned extends TopicPartition {
  position: number;
  isPaused: boolean;
}

export class MemoryConsumer implements LogConsumer {
  readonly #log: MemoryLog;
  readonly #group: MemoryGroup;
  readonly #options: ConsumerOptions;
  #topics: readonly string[] | RegExp = [];
  #listener: RebalanceListener | undefined;
  #owned = new Map<string, Owned>();
  #generation = -1;
  #isClosed = false;
  #wakeUp: (() => void) | undefined;

  constructor(log: MemoryLog, group: MemoryGroup, options: ConsumerOptions) {
    this.#log = log;
    this.#group = group;
    this.#options = options;
  }

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener): void {
    this.#topics = topics;
    this.#listener = listener;
  }

  wants(topic: string): boolean {
    return this.#topics instanceof RegExp ? this.#topics.test(topic) : this.#topics.includes(topic);
  }

  wake(): void {
    this.#wakeUp?.();
  }

  async poll(timeoutMs: number): Promise<readonly ConsumerRecord[]> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#isClosed) {
      if (await this.#takePart()) {
        const records = this.#fetch();
        if (records.length > 0) return records;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.#isClosed) break;
      await this.#sleep(left);
    }
    return [];
  }

  /** Plays its part in a rebalance; true when it has an assignment to read. */
  async #takePart(): Promise<boolean> {
    const group = this.#group;
    if (!group.has(this)) {
      await this.#giveUp(true);
      group.add(this);
    }
    if (group.isRebalancing && !group.hasJoined(this)) {
      await this.#giveUp(false);
      if (this.#isClosed) return false;
      group.join(this);
    }
    if (group.isRebalancing) return false;
    if (this.#generation !== group.generation) await this.#take(group.assignmentOf(this));
    return !group.isRebalancing;
  }

  async #giveUp(lost: boolean): Promise<void> {
    const owned = [...this.#owned.values()].map(({ topic, partition }) => ({ topic, partition }));
    if (owned.length > 0) await this.#listener?.onRevoked(owned, lost);
    this.#owned.clear();
  }

  async #take(assignment: readonly TopicPartition[]): Promise<void> {
    this.#generation = this.#group.generation;
    for (const partition of assignment) {
      this.#owned.set(partitionKey(partition), {
        ...partition,
        position: this.#startingPosition(partition),
        isPaused: false,
      });
    }
    if (assignment.length > 0) await this.#listener?.onAssigned(assignment);
  }

  #startingPosition(partition: TopicPartition): number {
    const committed = this.#group.offsets.get(partitionKey(partition));
    if (committed !== undefined) return committed.offset;
    if (this.#options.autoOffsetReset === 'earliest') return 0;
    if (this.#options.autoOffsetReset === 'latest') return this.#log.records(partition).length;
    const name = partitionKey(partition);
    throw new LogError('NO_OFFSET_FOR_PARTITION', `Group "${this.#group.name}" has no offset for ${name}.`, {
      retriable: false,
    });
  }

  #fetch(): ConsumerRecord[] {
    const found: ConsumerRecord[] = [];
    const maxRecords = this.#options.maxPollRecords ?? DEFAULT_MAX_POLL_RECORDS;
    let bytesLeft = this.#options.maxPollBytes ?? DEFAULT_MAX_POLL_BYTES;
    for (const owned of [...this.#owned.values()]) {
      if (owned.isPaused) continue;
      const records = this.#log.records(owned);
      while (owned.position < records.length && found.length < maxRecords && bytesLeft > 0) {
        const record = records[owned.position]!;
        const outcome = this.#options.isolation === 'read_committed' ? this.#log.transactions.outcomeOf(record) : null;
        if (outcome === 'open') break;
        owned.position++;
        if (outcome === 'aborted') continue;
        bytesLeft -= (record.key?.length ?? 0) + (record.value?.length ?? 0);
        found.push(record);
      }
      if (found.at(-1)?.topic === owned.topic) this.#moveLast(owned);
      if (found.length >= maxRecords || bytesLeft <= 0) break;
    }
    return found;
  }

  /** Fairness: who was read goes to the end of the line. */
  #moveLast(owned: Owned): void {
    this.#owned.delete(partitionKey(owned));
    this.#owned.set(partitionKey(owned), owned);
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const stopListening = this.#log.onAppend(() => this.wake());
      this.#wakeUp = () => {
        this.#wakeUp = undefined;
        clearTimeout(timer);
        stopListening();
        resolve();
      };
    });
    this.#wakeUp?.();
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
    this.wake();
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const owned = this.#owned.get(partitionKey(partition));
      if (owned !== undefined) owned.isPaused = isPaused;
    }
  }

  seek(partition: TopicPartition, offset: number): void {
    const owned = this.#owned.get(partitionKey(partition));
    if (owned !== undefined) owned.position = offset;
  }

  position(partition: TopicPartition): number | null {
    return this.#owned.get(partitionKey(partition))?.position ?? null;
  }

  logEndOffset(partition: TopicPartition): number | null {
    return this.#log.partitionCount(partition.topic) > partition.partition ? this.#log.records(partition).length : null;
  }

  async commit(offsets: readonly OffsetAndMetadata[]): Promise<void> {
    if (!this.#group.has(this) || this.#generation !== this.#group.generation) {
      const message = `The member is no longer in group "${this.#group.name}", so its offsets were not committed.`;
      throw new LogError('ILLEGAL_GENERATION', message, { retriable: false });
    }
    for (const offset of offsets) this.#group.offsets.set(partitionKey(offset), offset);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#group.remove(this);
    this.#owned.clear();
    this.wake();
  }
}
