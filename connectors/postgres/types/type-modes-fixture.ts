/** How types are written, for tests: by our own defaults, and by Debezium's. */
import type { TypeModes } from './mapping.ts';

export const ourModes: TypeModes = {
  decimal: 'string',
  time: 'isostring',
  interval: 'string',
  binary: 'bytes',
  hstore: 'json',
  moneyFractionDigits: 2,
  includeUnknown: true,
  unavailable: Buffer.from('?'),
  isCompatible: false,
};

export const debeziumModes: TypeModes = {
  ...ourModes,
  decimal: 'precise',
  time: 'adaptive',
  interval: 'numeric',
  includeUnknown: false,
};
