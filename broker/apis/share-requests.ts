/**
 * What ShareFetch and ShareAcknowledge have in common: who may ask, and what is acknowledged.
 */
import { BrokerError } from '../errors.ts';
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import type { Call } from '../server/api.ts';
import { type AcknowledgementBatch, AcknowledgeType, type ShareGroupSettings } from '../share/types.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, mustBeAllowed } from './authorize.ts';

/** A member's id is a UUID in one text form or another (librdkafka's is base64 with `+` and `/`); nobody needs longer ones. */
const memberIdLengthMax = 64;

/** Whose request it is. */
export interface ShareCaller {
  readonly group: string;
  readonly memberId: string;
}

/** The acknowledgements of one partition of a request. */
export interface PartitionAcknowledgements {
  readonly topicId: string;
  readonly partition: number;
  readonly batches: readonly AcknowledgementBatch[];
}

/** What became of them. */
export interface AcknowledgedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly error: ErrorName;
}

/** Throws GROUP_AUTHORIZATION_FAILED or INVALID_REQUEST. */
export function shareCaller(
  { groupId, memberId }: { readonly groupId: string | null; readonly memberId: string | null },
  call: Call,
  broker: BrokerState,
): ShareCaller {
  mustBeAllowed(broker, call, 'read', 'group', groupId ?? '');
  if (!groupId) throw new BrokerError('INVALID_REQUEST', 'The request names no group.');
  if (!memberId || memberId.length > memberIdLengthMax) {
    const why = `A member id has 1 to ${memberIdLengthMax} characters; this one has ${memberId?.length ?? 0}.`;
    throw new BrokerError('INVALID_REQUEST', why);
  }
  return { group: groupId, memberId };
}

/** Says all that a member says of the records it holds; each partition for itself, answered when all are durable. */
export async function acknowledgeAll(
  caller: ShareCaller,
  partitions: readonly PartitionAcknowledgements[],
  isRenewal: boolean,
  call: Call,
  broker: BrokerState,
): Promise<AcknowledgedPartition[]> {
  const settings = broker.share.partitions.settingsOf(caller.group);
  return Promise.all(
    partitions.map(async (acknowledged) => {
      const { topicId, partition } = acknowledged;
      const refusal = refusalOf(acknowledged, isRenewal, settings, call, broker);
      const error = refusal ?? (await acknowledgeOne(caller, acknowledged, broker));
      return { topicId, partition, error };
    }),
  );
}

function acknowledgeOne(
  { group, memberId }: ShareCaller,
  { topicId, partition, batches }: PartitionAcknowledgements,
  broker: BrokerState,
): Promise<ErrorName> {
  const found = broker.share.partitions.get({ group, topicId, partition });
  if (found === undefined || found.inFlight === null) return Promise.resolve('UNKNOWN_TOPIC_OR_PARTITION');
  return new Promise((resolve) => found.acknowledge(memberId, batches, (error) => resolve(error ?? 'NONE')));
}

function refusalOf(
  { topicId, partition, batches }: PartitionAcknowledgements,
  isRenewal: boolean,
  { isRenewEnabled }: ShareGroupSettings,
  call: Call,
  broker: BrokerState,
): ErrorName | null {
  const topic = broker.topics.byId(topicId);
  if (topic === undefined) return 'UNKNOWN_TOPIC_ID';
  if (!areValid(batches, isRenewal)) return 'INVALID_REQUEST';
  if (!isAllowed(broker, call, 'read', 'topic', topic.name)) return 'TOPIC_AUTHORIZATION_FAILED';
  if (partition < 0 || partition >= topic.partitions) return 'UNKNOWN_TOPIC_OR_PARTITION';
  const isRenewing = batches.some(({ acknowledgeTypes }) => acknowledgeTypes.includes(AcknowledgeType.renew));
  return isRenewing && !isRenewEnabled ? 'INVALID_RECORD_STATE' : null;
}

/** In order, not overlapping, with one type for all offsets or one for each. */
function areValid(batches: readonly AcknowledgementBatch[], isRenewal: boolean): boolean {
  const typeMax = isRenewal ? AcknowledgeType.renew : AcknowledgeType.reject;
  let before = -1;
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    const size = lastOffset - firstOffset + 1;
    if (firstOffset <= before || size <= 0) return false;
    if (acknowledgeTypes.length !== 1 && acknowledgeTypes.length !== size) return false;
    if (acknowledgeTypes.some((type) => type < AcknowledgeType.gap || type > typeMax)) return false;
    before = lastOffset;
  }
  return true;
}

/** An error for the whole request. Anything but a refusal is thrown on. */
export function refusedWhole(error: unknown): { errorCode: number; errorMessage: string } {
  if (!(error instanceof BrokerError)) throw error;
  return { errorCode: ErrorCode[error.code], errorMessage: error.message };
}
