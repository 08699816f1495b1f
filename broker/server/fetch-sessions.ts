/**
 * Incremental fetch sessions (KIP-227): a consumer names its partitions once, then only what changed; the answer holds
 * only partitions with news. Bounded; when all slots are taken by sessions in use, fetches are served without one.
 */
import { randomInt } from 'node:crypto';

/** What is remembered of one partition of a fetch, in a session or for a single request. */
export class FetchPartitionState {
  /** Empty for clients that name topics by id until the id is known. */
  topic: string;
  readonly topicId: string;
  readonly partition: number;
  fetchOffset = 0;
  maxBytes = 0;
  currentLeaderEpoch = -1;
  lastFetchedEpoch = -1;
  /** As last answered; -1 before the first answer, so that it holds every partition. */
  sentHighWatermark = -1;
  sentLogStartOffset = -1;

  constructor(topic: string, topicId: string, partition: number) {
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
  }
}

export class FetchSession {
  readonly id: number;
  readonly usesTopicIds: boolean;
  /** What the next request of this session must carry. */
  epoch = 1;
  lastUsedMs: number;
  /** In the order of the answer; a partition that had records goes to the end, so that all get their turn. */
  readonly partitions = new Map<string, FetchPartitionState>();

  constructor(id: number, usesTopicIds: boolean, nowMs: number) {
    this.id = id;
    this.usesTopicIds = usesTopicIds;
    this.lastUsedMs = nowMs;
  }
}

/** Kafka's min.incremental.fetch.session.eviction.ms: younger sessions are not evicted for a new one. */
const evictionMs = 120_000;
const idMax = 2 ** 31 - 1;

export class FetchSessions {
  readonly #sessions = new Map<number, FetchSession>();
  readonly #slots: number;
  readonly #now: () => number;

  constructor(slots: number, now: () => number) {
    this.#slots = slots;
    this.#now = now;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get(id: number): FetchSession | undefined {
    return this.#sessions.get(id);
  }

  /** A new session, or null where there is no room for one. */
  create(usesTopicIds: boolean): FetchSession | null {
    if (this.#sessions.size >= this.#slots && !this.#evictIdle()) return null;
    let id = randomInt(1, idMax);
    while (this.#sessions.has(id)) id = randomInt(1, idMax);
    const session = new FetchSession(id, usesTopicIds, this.#now());
    this.#sessions.set(id, session);
    return session;
  }

  /** The session was asked for with the right epoch. */
  use(session: FetchSession): void {
    session.epoch = session.epoch === idMax ? 1 : session.epoch + 1;
    session.lastUsedMs = this.#now();
    // The map's order is the order of use: the oldest is first.
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  remove(id: number): void {
    this.#sessions.delete(id);
  }

  #evictIdle(): boolean {
    const [oldest] = this.#sessions.values();
    if (oldest === undefined || this.#now() - oldest.lastUsedMs < evictionMs) return false;
    this.#sessions.delete(oldest.id);
    return true;
  }
}
