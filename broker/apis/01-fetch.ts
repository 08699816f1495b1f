/**
 * Fetch (key 1): whole batches out, from a position up to the high watermark. Step 8 of the record's journey.
 *
 * v4 isolation level · v5 log start offset · v7 sessions (KIP-227) · v9 leader epoch (KIP-320) · v11 rack · v12
 * diverging epoch (KIP-595) · v13 topic ids (KIP-516) · v15 replica state, v16 node endpoints, v17 directory id, v18
 * high watermark of followers: nothing for a node without followers.
 *
 * A fetch that finds less than `min.bytes` waits: for an append to one of its partitions or for `max.wait.ms`, never by
 * polling. The first partition with records gives at least one batch, whatever the limits (KIP-74). Records are borrowed
 * from the log's pooled buffers until the socket has taken them.
 */
import type { LogRead } from '../log/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeFetchRequest, type FetchRequest } from '../protocol/messages/generated/fetch-request.ts';
import {
  encodeFetchResponse,
  type FetchResponse,
  type PartitionData,
} from '../protocol/messages/generated/fetch-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Answer, type Call, defineApi } from '../server/api.ts';
import type { FetchPartitionState, FetchSession } from '../server/fetch-sessions.ts';
import type { BrokerState } from '../state.ts';
import { failedPartition, lookAt, type PartitionView, readPartition } from './fetch-partition.ts';
import { isRefused, resolveSession, type SessionFetch } from './fetch-session.ts';
import { FetchWait } from './fetch-wait.ts';

/** A client may ask to wait for days; a connection that is silent that long is taken for dead by everything between. */
const waitMsMax = 5 * 60 * 1000;

/**
 * Of records in one answer. Consumers ask for 50 MiB by default: read at once it would hold up everybody for 15 ms, and
 * twenty consumers that catch up would take a gigabyte. They take less for an answer and ask again, so it costs nothing.
 */
const answerBytesMax = 8 * 1024 * 1024;

export const fetch = defineApi({
  decode: decodeFetchRequest,
  encode: encodeFetchResponse,
  handle(request, call, broker) {
    const asked = resolveSession(request, call.apiVersion, broker);
    if (isRefused(asked)) return { errorCode: ErrorCode[asked.error] };
    const fetching = new Fetching(request, asked, call, broker);
    if (fetching.canAnswerNow()) return fetching.answer();
    return fetching.wait();
  },
});

/** One fetch from its request to its answer. */
class Fetching {
  readonly #request: FetchRequest;
  readonly #asked: SessionFetch;
  readonly #call: Call;
  readonly #broker: BrokerState;
  readonly #isolation: 'read_committed' | 'read_uncommitted';

  constructor(request: FetchRequest, asked: SessionFetch, call: Call, broker: BrokerState) {
    this.#request = request;
    this.#asked = asked;
    this.#call = call;
    this.#broker = broker;
    this.#isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted';
  }

  /** Enough bytes, an error, a truncation, or nothing to wait for. */
  canAnswerNow(): boolean {
    if (this.#request.maxWaitMs <= 0 || this.#asked.partitions.length === 0) return true;
    let bytes = 0;
    for (const state of this.#asked.partitions) {
      const view = this.#look(state);
      if (view.error !== null || view.divergingEpoch !== null) return true;
      bytes += view.log?.bytesAvailable(state.fetchOffset, this.#isolation) ?? 0;
      if (bytes >= this.#request.minBytes) return true;
    }
    return false;
  }

  wait(): Promise<Answer<Outgoing<FetchResponse>>> {
    return new Promise((resolve, reject) => {
      const wait = new FetchWait(Math.min(this.#request.maxWaitMs, waitMsMax), (isTimeUp) => {
        if (!isTimeUp && !this.canAnswerNow()) {
          if (wait.hasUnused) this.#watch(wait);
          return;
        }
        wait.end();
        this.#call.onAbandoned = null;
        try {
          resolve(this.answer());
        } catch (error) {
          reject(error);
        }
      });
      this.#watch(wait);
      this.#call.onAbandoned = () => wait.end();
    });
  }

  #watch(wait: FetchWait): void {
    const logs = this.#asked.partitions.map((state) => this.#look(state).log);
    wait.watch(logs, this.#broker.topics);
  }

  answer(): Outgoing<FetchResponse> {
    const { session, isIncremental } = this.#asked;
    const reads: LogRead[] = [];
    this.#call.onSent = () => {
      for (const read of reads) read.release();
    };
    const topics: { topic: string; topicId: string; partitions: Outgoing<PartitionData>[] }[] = [];
    let remaining = this.#maxBytes();
    let hasRecords = false;
    for (const state of this.#asked.partitions) {
      const limits = { maxBytes: Math.min(state.maxBytes, remaining), minOneBatch: !hasRecords };
      const data = this.#read(state, limits, reads);
      const bytes = data.records?.length ?? 0;
      remaining -= bytes;
      this.#call.fetchedBytes += bytes;
      hasRecords ||= bytes > 0;
      if (isIncremental && !isNews(state, data)) continue;
      remember(state, data);
      if (bytes > 0 && session !== null) moveToEnd(session, state);
      const last = topics.at(-1);
      if (last !== undefined && last.topic === state.topic && last.topicId === state.topicId)
        last.partitions.push(data);
      else topics.push({ topic: state.topic, topicId: state.topicId, partitions: [data] });
    }
    return { sessionId: session?.id ?? 0, responses: topics };
  }

  /** Who waits for more than an answer has gets it all the same; of a client with a quota no more than what is left of it. */
  #maxBytes(): number {
    const { quotas } = this.#broker.security;
    const { session, clientId } = this.#call;
    const { maxBytes, minBytes } = this.#request;
    const ours = this.#broker.config.number('fetch.max.bytes');
    const limit = Math.min(maxBytes, minBytes > answerBytesMax ? ours : Math.min(ours, answerBytesMax));
    const left = quotas.isEmpty
      ? null
      : quotas.fetchBytesMax(session.principal.name, clientId ?? '', performance.now());
    return left === null ? limit : Math.min(limit, left);
  }

  #look(state: FetchPartitionState): PartitionView {
    return lookAt(state, this.#broker, this.#call);
  }

  #read(
    state: FetchPartitionState,
    limits: { readonly maxBytes: number; readonly minOneBatch: boolean },
    reads: LogRead[],
  ): Outgoing<PartitionData> {
    const view = this.#look(state);
    if (view.error !== null) return failedPartition(state, view.error);
    return readPartition(state, view, { ...limits, isolation: this.#isolation }, reads);
  }
}

/** What an incremental answer holds: records, news of the marks, errors, truncations. */
function isNews(state: FetchPartitionState, data: Outgoing<PartitionData>): boolean {
  return (
    (data.records?.length ?? 0) > 0 ||
    data.errorCode !== 0 ||
    data.divergingEpoch !== undefined ||
    data.highWatermark !== state.sentHighWatermark ||
    data.logStartOffset !== state.sentLogStartOffset
  );
}

/** After an error the marks count as not sent, so that the partition is in the next answer again. */
function remember(state: FetchPartitionState, data: Outgoing<PartitionData>): void {
  const isWhole = data.errorCode === 0;
  state.sentHighWatermark = isWhole ? (data.highWatermark ?? -1) : -1;
  state.sentLogStartOffset = isWhole ? (data.logStartOffset ?? -1) : -1;
}

function moveToEnd(session: FetchSession, state: FetchPartitionState): void {
  const key = `${state.topicId}/${state.topic}/${state.partition}`;
  if (!session.partitions.delete(key)) return;
  session.partitions.set(key, state);
}
