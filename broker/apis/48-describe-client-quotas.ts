/**
 * DescribeClientQuotas (key 48, KIP-546): the quotas whose entity fits a filter. Takes DESCRIBE_CONFIGS on the cluster.
 *
 * v1 flexible. A component matches a name, the default, or anything of its type; `strict` leaves out entities that have
 * more parts than were asked for.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ComponentData,
  decodeDescribeClientQuotasRequest,
} from '../protocol/messages/generated/describe-client-quotas-request.ts';
import { encodeDescribeClientQuotasResponse } from '../protocol/messages/generated/describe-client-quotas-response.ts';
import type { QuotaEntity } from '../security/quotas.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { entityParts, entityTypes } from './quota-entity.ts';

const Match = { exact: 0, default: 1, any: 2 } as const;

export const describeClientQuotas = defineApi({
  decode: decodeDescribeClientQuotasRequest,
  encode: encodeDescribeClientQuotasResponse,
  handle({ components, strict }, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describeConfigs')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, entries: null };
    }
    const problem = problemWith(components);
    if (problem !== null) return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: problem, entries: null };
    const entries = broker.security.quotas
      .all()
      .filter(({ entity }) => fits(entity, components, strict))
      .map(({ entity, values }) => ({
        entity: entityParts(entity),
        values: Object.entries(values).map(([key, value]) => ({ key, value })),
      }));
    return { errorCode: 0, errorMessage: null, entries };
  },
});

function problemWith(components: readonly ComponentData[]): string | null {
  const types = components.map(({ entityType }) => entityType);
  if (new Set(types).size < types.length) return 'A filter names each entity type once.';
  const unknown = types.find((type) => !entityTypes.includes(type));
  if (unknown !== undefined) return `Quotas are not kept by "${unknown}", but by ${entityTypes.join(', ')}.`;
  const isKnown = components.every(({ matchType }) => matchType >= Match.exact && matchType <= Match.any);
  return isKnown ? null : 'A match type is 0 (name), 1 (default) or 2 (any).';
}

function fits(entity: QuotaEntity, components: readonly ComponentData[], isStrict: boolean): boolean {
  const parts = entityParts(entity);
  if (isStrict && parts.length !== components.length) return false;
  return components.every(({ entityType, matchType, match }) => {
    const part = parts.find((each) => each.entityType === entityType);
    if (part === undefined) return false;
    if (matchType === Match.any) return true;
    return part.entityName === (matchType === Match.default ? null : match);
  });
}
