/**
 * One ShareFetch from its session to its records: it looks at the session's partitions in turn, waits where nothing is
 * available, and gives the member what it finds. Woken by appends and by records that come back; nothing polls.
 */
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import type { ShareFetchRequest } from '../protocol/messages/generated/share-fetch-request.ts';
import type { PartitionData } from '../protocol/messages/generated/share-fetch-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import type { Call } from '../server/api.ts';
import { parseOffsetReset } from '../share/config.ts';
import type { SessionPartition, ShareSession } from '../share/sessions.ts';
import type { SharePartition } from '../share/share-partition.ts';
import { bytesAvailable, readShare, type ShareReadResult } from '../share/share-reader.ts';
import type { AcquiredRecords, ShareGroupSettings } from '../share/types.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';
import { FetchWait } from './fetch-wait.ts';

/** Longer than this nobody may wait. */
const waitMsMax = 5 * 60 * 1000;
const nothing = Buffer.alloc(0);
/** ShareFetchRequest's ShareAcquireMode (KIP-1206). */
const recordLimit = 1;

export interface FetchedPartition extends SessionPartition {
  readonly data: Outgoing<PartitionData>;
}

/** A partition as this fetch finds it. Its log is null while nobody has written to it. */
interface View extends SessionPartition {
  readonly error: ErrorName | null;
  readonly share: SharePartition | null;
  readonly log: PartitionLog | null;
}

export class ShareFetching {
  readonly #request: ShareFetchRequest;
  readonly #session: ShareSession;
  readonly #call: Call;
  readonly #broker: BrokerState;
  readonly #settings: ShareGroupSettings;
  /** Errors found while the partitions were opened, by topic id and partition. */
  readonly #failed = new Map<string, ErrorName>();

  constructor(request: ShareFetchRequest, session: ShareSession, call: Call, broker: BrokerState) {
    this.#request = request;
    this.#session = session;
    this.#call = call;
    this.#broker = broker;
    this.#settings = broker.share.partitions.settingsOf(session.group);
  }

  /** Every partition with records or an error; nothing of the others. */
  async fetch(): Promise<FetchedPartition[]> {
    await this.#open();
    // Nobody would say anything of records given to a connection that is gone.
    if (this.#call.isAbandoned) return [];
    const found = this.#canAnswer() ? this.#collect() : [];
    if (found.length > 0 || this.#request.maxWaitMs <= 0 || this.#session.partitions.size === 0) return found;
    return this.#wait();
  }

  /** Partitions nobody has read for this group yet get their start offset first. */
  async #open(): Promise<void> {
    const opening = this.#views().map(({ topicId, partition, share, log }) => {
      if (share === null || share.inFlight !== null) return null;
      return new Promise<void>((resolve) => {
        share.open(
          (now) => startOffsetOf(log, this.#settings.autoOffsetReset, now),
          (error) => {
            if (error !== null) this.#failed.set(`${topicId}/${partition}`, error);
            resolve();
          },
        );
      });
    });
    await Promise.all(opening);
  }

  /** In the order of this turn: each request begins with another partition, so that none is always last. */
  #views(): View[] {
    const all = [...this.#session.partitions.values()];
    const first = all.length === 0 ? 0 : this.#session.epoch % all.length;
    return [...all.slice(first), ...all.slice(0, first)].map((each) => this.#look(each));
  }

  #look({ topicId, partition }: SessionPartition): View {
    const failed = (error: ErrorName): View => ({ topicId, partition, error, share: null, log: null });
    const topic = this.#broker.topics.byId(topicId);
    if (topic === undefined) return failed('UNKNOWN_TOPIC_ID');
    if (!isAllowed(this.#broker, this.#call, 'read', 'topic', topic.name)) return failed('TOPIC_AUTHORIZATION_FAILED');
    const group = this.#broker.groups.shares.get(this.#session.group);
    if (group === undefined) return failed('GROUP_ID_NOT_FOUND');
    if (group.initialized.get(topicId)?.partitions.has(partition) !== true) return failed('UNKNOWN_TOPIC_OR_PARTITION');
    const known = this.#failed.get(`${topicId}/${partition}`);
    if (known !== undefined) return failed(known);
    const share = this.#broker.share.partitions.ensure({ group: this.#session.group, topicId, partition });
    const log = this.#broker.topics.existingLog(topic, partition) ?? null;
    if (log?.isOnline === false) return failed('KAFKA_STORAGE_ERROR');
    return { topicId, partition, error: null, share, log };
  }

  /** Enough bytes, an error, or nobody who would wait. */
  #canAnswer(): boolean {
    if (this.#request.maxWaitMs <= 0) return true;
    const { isolation, partitionMaxRecordLocks } = this.#settings;
    let bytes = 0;
    for (const { error, share, log } of this.#views()) {
      if (error !== null) return true;
      if (share !== null && log !== null) bytes += bytesAvailable(share, log, isolation, partitionMaxRecordLocks);
      if (bytes > 0 && bytes >= this.#request.minBytes) return true;
    }
    return false;
  }

  #wait(): Promise<FetchedPartition[]> {
    return new Promise((resolve, reject) => {
      const finish = (found: FetchedPartition[]): void => {
        wait.end();
        this.#call.onAbandoned = null;
        resolve(found);
      };
      const wait = new FetchWait(Math.min(this.#request.maxWaitMs, waitMsMax), (isTimeUp) => {
        try {
          const found = isTimeUp || this.#canAnswer() ? this.#collect() : [];
          if (isTimeUp || found.length > 0) finish(found);
          else if (wait.hasUnused) this.#watch(wait);
        } catch (error) {
          wait.end();
          reject(error);
        }
      });
      this.#watch(wait);
      this.#call.onAbandoned = () => wait.end();
    });
  }

  #watch(wait: FetchWait): void {
    const views = this.#views();
    const wakers = views.flatMap(({ share }) =>
      share === null ? [] : [(wake: () => void) => share.onAvailable(wake)],
    );
    wait.watch(
      views.map(({ log }) => log),
      this.#broker.topics,
      wakers,
    );
  }

  #collect(): FetchedPartition[] {
    const found: FetchedPartition[] = [];
    let recordsLeft = this.#request.maxRecords;
    let bytesLeft = this.#maxBytes();
    for (const view of this.#views()) {
      const { topicId, partition } = view;
      if (view.error !== null) {
        found.push({ topicId, partition, data: failedPartition(partition, view.error) });
        continue;
      }
      if (recordsLeft <= 0 || bytesLeft <= 0) continue;
      const isFirst = this.#call.fetchedBytes === 0;
      const data = this.#read(view, { maxRecords: recordsLeft, maxBytes: bytesLeft, minOneBatch: isFirst });
      if (data === null) continue;
      bytesLeft -= data.records?.length ?? 0;
      recordsLeft -= countOf(data.acquiredRecords ?? []);
      this.#call.fetchedBytes += data.records?.length ?? 0;
      found.push({ topicId, partition, data });
    }
    return found;
  }

  #read(
    { share, log, partition }: View,
    limits: { readonly maxRecords: number; readonly maxBytes: number; readonly minOneBatch: boolean },
  ): Outgoing<PartitionData> | null {
    if (share === null || log === null || share.inFlight === null) return null;
    const { memberId } = this.#session;
    const { batchSize, shareAcquireMode } = this.#request;
    const { isolation, partitionMaxRecordLocks } = this.#settings;
    const isStrict = shareAcquireMode === recordLimit;
    let result: ShareReadResult;
    try {
      result = readShare(share, log, { ...limits, memberId, batchSize, isStrict, isolation }, partitionMaxRecordLocks);
    } catch (error) {
      const name = errorNameOf(error);
      if (name === 'UNKNOWN_SERVER_ERROR') throw error;
      return failedPartition(partition, name);
    }
    if (result === 'again') setImmediate(() => share.announce());
    if (typeof result === 'string') return null;
    this.#releaseWhenSent(result.read);
    return { partitionIndex: partition, errorCode: 0, records: result.records, acquiredRecords: [...result.acquired] };
  }

  #releaseWhenSent(read: { release(): void }): void {
    const before = this.#call.onSent;
    this.#call.onSent = () => {
      before?.();
      read.release();
    };
  }

  /** Of a client with a quota no more than what is left of it. */
  #maxBytes(): number {
    const { quotas } = this.#broker.security;
    const { session, clientId } = this.#call;
    const limit = Math.min(this.#request.maxBytes, this.#broker.config.number('fetch.max.bytes'));
    const left = quotas.isEmpty
      ? null
      : quotas.fetchBytesMax(session.principal.name, clientId ?? '', performance.now());
    return left === null ? limit : Math.min(limit, left);
  }
}

export function failedPartition(partitionIndex: number, error: ErrorName): Outgoing<PartitionData> {
  return { partitionIndex, errorCode: ErrorCode[error], records: nothing };
}

function countOf(acquired: readonly Outgoing<AcquiredRecords>[]): number {
  return acquired.reduce((sum, { firstOffset = 0, lastOffset = -1 }) => sum + lastOffset - firstOffset + 1, 0);
}

/** Where a group begins that has never read the partition (`share.auto.offset.reset`). */
function startOffsetOf(log: PartitionLog | null, autoOffsetReset: string, now: number): number {
  if (log === null) return 0;
  const reset = parseOffsetReset(autoOffsetReset);
  if (reset === 'earliest') return log.logStartOffset;
  if (typeof reset !== 'number') return log.highWatermark;
  return log.offsetForTimestamp(now - reset, 'read_uncommitted')?.offset ?? log.highWatermark;
}
