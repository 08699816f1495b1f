/**
 * What a broker advertises, as a client sees it. Tests of features that may not be served yet go by this and turn
 * themselves on when it is there.
 */
import { type ApiName, apis } from '../../broker/protocol/messages/generated/apis.ts';
import { allExchanges } from './exchanges.ts';
import type { KafkaConnection } from './kafka.ts';

export const software = { clientSoftwareName: 'test-client', clientSoftwareVersion: '1.0' };

export interface Advertised {
  has(name: ApiName): boolean;
  /** Null for an API that is not advertised. */
  range(name: ApiName): { readonly min: number; readonly max: number } | null;
}

export async function advertisedBy(connection: KafkaConnection): Promise<Advertised> {
  const { apiKeys } = await connection.call(allExchanges.apiVersions, apis.apiVersions.max, software);
  const ranges = new Map(apiKeys.map(({ apiKey, minVersion: min, maxVersion: max }) => [apiKey, { min, max }]));
  return {
    has: (name) => ranges.has(apis[name].key),
    range: (name) => ranges.get(apis[name].key) ?? null,
  };
}
