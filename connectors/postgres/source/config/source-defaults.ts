/**
 * What source keys default to, and in what the two classes differ there: `PostgresSource` has our defaults, Debezium's class name
 * Debezium's. The keys themselves are source-keys.ts.
 */
import type { DecimalMode, TimeMode, TypeModes } from '../../types/mapping.ts';

/** Debezium's word for a value that Postgres did not send. */
export const DEFAULT_PLACEHOLDER = '__debezium_unavailable_value';

export const snapshotModes = [
  'initial',
  'initial_only',
  'no_data',
  'never',
  'always',
  'when_needed',
  'configuration_based',
] as const;
export type SnapshotMode = Exclude<(typeof snapshotModes)[number], 'never' | 'configuration_based'>;
export const publicationModes = ['filtered', 'all_tables', 'disabled', 'no_tables'] as const;
export type PublicationMode = (typeof publicationModes)[number];

/** What becomes of rows whose new shape the registry refuses (tables/schema-policy.ts). */
export const schemaPolicies = ['evolve', 'park', 'fail'] as const;
export type SchemaPolicy = (typeof schemaPolicies)[number];

/** `max.queue.size.in.bytes`, unless it is set; Debezium's own default, 0, would let a transaction fill the memory. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024;

/** What differs between the two classes. */
export interface SourceDefaults {
  readonly decimal: DecimalMode;
  readonly time: TimeMode;
  readonly interval: TypeModes['interval'];
  readonly publication: string;
  readonly publicationMode: PublicationMode;
  readonly slot: string;
  readonly includeUnknown: boolean;
  /** Readers of the first snapshot. */
  readonly readers: number;
  /** Whether values are Debezium's to the last character. */
  readonly isCompatible: boolean;
}

export const ourDefaults: SourceDefaults = {
  decimal: 'string',
  time: 'isostring',
  interval: 'string',
  publication: 'millrace',
  publicationMode: 'filtered',
  slot: 'millrace',
  includeUnknown: true,
  readers: 4,
  isCompatible: false,
};

export const debeziumDefaults: SourceDefaults = {
  decimal: 'precise',
  time: 'adaptive',
  interval: 'numeric',
  publication: 'dbz_publication',
  publicationMode: 'all_tables',
  slot: 'debezium',
  includeUnknown: false,
  readers: 1,
  isCompatible: true,
};
