/**
 * Which partitions a fetch is about: those of the request, or those of its session after the request's changes (KIP-227).
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { FetchPartition, FetchRequest } from '../protocol/messages/generated/fetch-request.ts';
import { FetchPartitionState, type FetchSession } from '../server/fetch-sessions.ts';
import type { BrokerState } from '../state.ts';

const topicIdsFromVersion = 13;
const noSession = 0;
/** Session epochs with a meaning of their own. */
const newSession = 0;
const endSession = -1;

/** A fetch that goes on. */
export interface SessionFetch {
  readonly partitions: readonly FetchPartitionState[];
  /** Null: an answer without a session. */
  readonly session: FetchSession | null;
  readonly isIncremental: boolean;
}

export interface SessionRefused {
  readonly error: ErrorName;
}

export function isRefused(fetch: SessionFetch | SessionRefused): fetch is SessionRefused {
  return 'error' in fetch;
}

export function resolveSession(
  request: FetchRequest,
  apiVersion: number,
  broker: BrokerState,
): SessionFetch | SessionRefused {
  const sessions = broker.fetchSessions;
  const { sessionId, sessionEpoch } = request;
  if (sessionEpoch === newSession || sessionEpoch === endSession) {
    if (sessionId !== noSession) sessions.remove(sessionId);
    if (sessionEpoch === endSession) return { partitions: statesOf(request), session: null, isIncremental: false };
    const session = request.topics.length === 0 ? null : sessions.create(apiVersion >= topicIdsFromVersion);
    const states = statesOf(request);
    if (session !== null) for (const state of states) session.partitions.set(keyOf(state), state);
    return { partitions: states, session, isIncremental: false };
  }
  const session = sessions.get(sessionId);
  if (session === undefined) return { error: 'FETCH_SESSION_ID_NOT_FOUND' };
  if (session.epoch !== sessionEpoch) return { error: 'INVALID_FETCH_SESSION_EPOCH' };
  if (session.usesTopicIds !== apiVersion >= topicIdsFromVersion) return { error: 'FETCH_SESSION_TOPIC_ID_ERROR' };
  change(session, request);
  if (session.partitions.size === 0) {
    sessions.remove(session.id);
    return { partitions: [], session: null, isIncremental: false };
  }
  sessions.use(session);
  return { partitions: [...session.partitions.values()], session, isIncremental: true };
}

function change(session: FetchSession, request: FetchRequest): void {
  for (const { topic, topicId, partitions } of request.topics) {
    for (const partition of partitions) {
      const key = `${topicId}/${topic}/${partition.partition}`;
      const known = session.partitions.get(key);
      const state = known ?? new FetchPartitionState(topic, topicId, partition.partition);
      update(state, partition);
      if (known === undefined) session.partitions.set(key, state);
    }
  }
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    for (const partition of partitions) session.partitions.delete(`${topicId}/${topic}/${partition}`);
  }
}

function statesOf(request: FetchRequest): FetchPartitionState[] {
  const states: FetchPartitionState[] = [];
  for (const { topic, topicId, partitions } of request.topics) {
    for (const partition of partitions) {
      const state = new FetchPartitionState(topic, topicId, partition.partition);
      update(state, partition);
      states.push(state);
    }
  }
  return states;
}

function update(state: FetchPartitionState, asked: FetchPartition): void {
  state.fetchOffset = asked.fetchOffset;
  state.maxBytes = asked.partitionMaxBytes;
  state.currentLeaderEpoch = asked.currentLeaderEpoch;
  state.lastFetchedEpoch = asked.lastFetchedEpoch;
}

/** A topic is named or has an id, never both in one session; the other is the same for all. */
function keyOf(state: FetchPartitionState): string {
  return `${state.topicId}/${state.topic}/${state.partition}`;
}
