/**
 * The keys about connections as the server wants them, at this moment: they may change while the broker runs.
 */
import type { BrokerConfig } from '../metadata/broker-config.ts';
import type { Quotas } from '../security/quotas.ts';
import type { ConnectionLimitValues } from './connection-limits.ts';

export function connectionLimits(config: BrokerConfig, quotas: Quotas): ConnectionLimitValues {
  return {
    connectionsMax: config.number('max.connections'),
    perAddressMax: config.number('max.connections.per.ip'),
    perAddressOverrides: new Map(config.list('max.connections.per.ip.overrides').map(override)),
    perSecondMax: config.number('max.connection.creation.rate'),
    perSecondMaxOf: (address) => quotas.connectionsPerSecond(address),
  };
}

/** `address:number`, checked before; an IPv6 address has colons of its own. */
function override(text: string): [string, number] {
  const end = text.lastIndexOf(':');
  return [text.slice(0, end), Number(text.slice(end + 1))];
}
