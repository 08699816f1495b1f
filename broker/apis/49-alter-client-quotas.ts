/**
 * AlterClientQuotas (key 49, KIP-546): sets and takes away quotas; on disk and in force before this answers. Takes
 * ALTER_CONFIGS on the cluster.
 *
 * v1 flexible. Users and clients have producer_byte_rate, consumer_byte_rate, request_percentage and
 * controller_mutation_rate, addresses connection_creation_rate; a key that is not enforced is refused rather than kept.
 */
import { BrokerError } from '../errors.ts';
import {
  decodeAlterClientQuotasRequest,
  type EntryData,
} from '../protocol/messages/generated/alter-client-quotas-request.ts';
import { encodeAlterClientQuotasResponse } from '../protocol/messages/generated/alter-client-quotas-response.ts';
import { type QuotaChange, type QuotaKey, quotaKeys } from '../security/quotas.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { quotaEntity } from './quota-entity.ts';
import { errorCodeOf } from './refusal.ts';

export const alterClientQuotas = defineApi({
  decode: decodeAlterClientQuotasRequest,
  encode: encodeAlterClientQuotasResponse,
  async handle(request, call, broker) {
    const isAllowed = isAllowedOnCluster(broker, call, 'alterConfigs');
    const changes: QuotaChange[] = [];
    const entries = request.entries.map(({ entity, ops }) => {
      try {
        if (!isAllowed) throw new BrokerError('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.');
        const named = quotaEntity(entity);
        changes.push({ entity: named, values: valuesOf(ops, named.ip !== undefined) });
        return { errorCode: 0, errorMessage: null, entity };
      } catch (error) {
        return { errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message, entity };
      }
    });
    if (!request.validateOnly && changes.length > 0) await broker.security.quotas.change(changes);
    return { entries };
  },
});

function valuesOf(ops: EntryData['ops'], isOfAddress: boolean): QuotaChange['values'] {
  const keys = quotaKeys.filter((key) => (key === 'connection_creation_rate') === isOfAddress);
  const values: Partial<Record<QuotaKey, number | null>> = {};
  for (const { key, value, remove } of ops) {
    const known = keys.find((each) => each === key);
    if (known === undefined) {
      throw new BrokerError('INVALID_REQUEST', `Quota "${key}" is not enforced here; known are ${keys.join(', ')}.`);
    }
    if (known in values) throw new BrokerError('INVALID_REQUEST', `Duplicate quota key ${key}.`);
    if (!remove && !(value > 0 && Number.isFinite(value))) {
      throw new BrokerError('INVALID_REQUEST', `Quota ${key} must be greater than 0.`);
    }
    values[known] = remove ? null : value;
  }
  return values;
}
