/**
 * One partition of a fetch: is it there, may it be read, and the read itself.
 */
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { EpochEndOffset, LogRead, ReadOptions } from '../log/types.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import type { PartitionData } from '../protocol/messages/generated/fetch-response.ts';
import type { Outgoing } from '../protocol/writer.ts';
import type { Call } from '../server/api.ts';
import type { FetchPartitionState } from '../server/fetch-sessions.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';
import { checkLeaderEpoch } from './leader-epoch.ts';

const topicIdsFromVersion = 13;
const nothing = Buffer.alloc(0);

/** A partition as this fetch finds it; it has no log while nobody has written to it, and is not given one for a look. */
export type PartitionView =
  | { readonly error: null; readonly log: PartitionLog | null; readonly divergingEpoch: EpochEndOffset | null }
  | { readonly error: ErrorName; readonly log: null; readonly divergingEpoch: null };

export function lookAt(state: FetchPartitionState, broker: BrokerState, call: Call): PartitionView {
  const { apiVersion } = call;
  const topic = apiVersion >= topicIdsFromVersion ? broker.topics.byId(state.topicId) : broker.topics.get(state.topic);
  if (topic === undefined && apiVersion >= topicIdsFromVersion) return failed('UNKNOWN_TOPIC_ID');
  if (!isAllowed(broker, call, 'read', 'topic', topic?.name ?? state.topic))
    return failed('TOPIC_AUTHORIZATION_FAILED');
  if (topic === undefined) return failed('UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const log = broker.topics.existingLogOf(topic.name, state.partition);
    const { leaderEpoch } = broker.logs;
    checkLeaderEpoch({ topic: topic.name, partition: state.partition, leaderEpoch }, state.currentLeaderEpoch);
    if (log === undefined) return state.fetchOffset === 0 ? unused : failed('OFFSET_OUT_OF_RANGE');
    if (!log.isOnline) return failed('KAFKA_STORAGE_ERROR');
    const divergingEpoch = divergence(state, log);
    const isInside = state.fetchOffset >= log.logStartOffset && state.fetchOffset <= log.logEndOffset;
    if (divergingEpoch === null && !isInside) return failed('OFFSET_OUT_OF_RANGE');
    return { error: null, log, divergingEpoch };
  } catch (error) {
    const name = errorNameOf(error);
    if (name === 'UNKNOWN_SERVER_ERROR') throw error;
    return failed(name);
  }
}

const unused: PartitionView = { error: null, log: null, divergingEpoch: null };

function failed(error: ErrorName): PartitionView {
  return { error, log: null, divergingEpoch: null };
}

/** The client read records that are no longer in this log: it is told where its history parts from ours (KIP-595). */
function divergence(state: FetchPartitionState, log: PartitionLog): EpochEndOffset | null {
  if (state.lastFetchedEpoch < 0) return null;
  const end = log.endOffsetForEpoch(state.lastFetchedEpoch);
  if (end.endOffset < 0) return null;
  return end.epoch < state.lastFetchedEpoch || end.endOffset < state.fetchOffset ? end : null;
}

export function failedPartition(state: FetchPartitionState, error: ErrorName): Outgoing<PartitionData> {
  return { partitionIndex: state.partition, errorCode: ErrorCode[error], highWatermark: -1, records: nothing };
}

/** Reads, and puts what must be released into `reads`. */
export function readPartition(
  state: FetchPartitionState,
  view: { readonly log: PartitionLog | null; readonly divergingEpoch: EpochEndOffset | null },
  limits: ReadOptions & { readonly maxBytes: number },
  reads: LogRead[],
): Outgoing<PartitionData> {
  const { log, divergingEpoch } = view;
  const marks = {
    partitionIndex: state.partition,
    errorCode: 0,
    highWatermark: log?.highWatermark ?? 0,
    lastStableOffset: log?.lastStableOffset ?? 0,
    logStartOffset: log?.logStartOffset ?? 0,
    abortedTransactions: limits.isolation === 'read_committed' ? [] : null,
    records: nothing,
  };
  if (divergingEpoch !== null) return { ...marks, divergingEpoch };
  if (log === null || (limits.maxBytes <= 0 && !limits.minOneBatch)) return marks;
  try {
    const read = log.read(state.fetchOffset, Math.max(limits.maxBytes, 0), limits);
    reads.push(read);
    return {
      ...marks,
      highWatermark: read.highWatermark,
      lastStableOffset: read.lastStableOffset,
      logStartOffset: read.logStartOffset,
      abortedTransactions: read.abortedTransactions,
      records: read.records,
    };
  } catch (error) {
    const name = errorNameOf(error);
    if (name === 'UNKNOWN_SERVER_ERROR') throw error;
    return failedPartition(state, name);
  }
}
