/**
 * Quota entities as the admin APIs write them, and as the quotas keep them. Shared by DescribeClientQuotas and
 * AlterClientQuotas.
 */
import { BrokerError } from '../errors.ts';
import type { QuotaEntity } from '../security/quotas.ts';

const fields = { user: 'user', 'client-id': 'clientId', ip: 'ip' } as const;

export const entityTypes: readonly string[] = Object.keys(fields);

interface EntityPart {
  readonly entityType: string;
  /** Null: the default of its type. */
  readonly entityName: string | null;
}

export function entityParts({ user, clientId, ip }: QuotaEntity): EntityPart[] {
  return [
    ...(user === undefined ? [] : [{ entityType: 'user', entityName: user }]),
    ...(clientId === undefined ? [] : [{ entityType: 'client-id', entityName: clientId }]),
    ...(ip === undefined ? [] : [{ entityType: 'ip', entityName: ip }]),
  ];
}

/** Throws INVALID_REQUEST. */
export function quotaEntity(parts: readonly EntityPart[]): QuotaEntity {
  if (parts.length === 0) throw new BrokerError('INVALID_REQUEST', 'Invalid empty client quota entity.');
  const entity: { user?: string | null; clientId?: string | null; ip?: string | null } = {};
  for (const { entityType, entityName } of parts) {
    if (entityName === '') throw new BrokerError('INVALID_REQUEST', `Empty ${entityType} not supported.`);
    const field = fields[entityType as keyof typeof fields];
    if (field === undefined) {
      const known = entityTypes.join(', ');
      throw new BrokerError('INVALID_REQUEST', `Quotas are not kept by "${entityType}", but by ${known}.`);
    }
    if (field in entity) throw new BrokerError('INVALID_REQUEST', `${entityType} is named twice.`);
    entity[field] = entityName;
  }
  if (entity.ip !== undefined && parts.length > 1) {
    throw new BrokerError('INVALID_REQUEST', 'Invalid quota entity combination: an ip stands alone.');
  }
  return entity;
}
