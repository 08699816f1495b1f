/**
 * The features of this broker (KIP-584): what ApiVersions tells and UpdateFeatures judges. A feature stands at one level
 * from the first start; none can be changed while the broker runs.
 */

interface Feature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The finalized level, what clients go by; 0 is as good as not having the feature, and is not told. */
  readonly level: number;
}

export const features: readonly Feature[] = [
  // Levels of org.apache.kafka.server.common.MetadataVersion: Kafka's tools print and check them; we behave as 4.4-IV2.
  { name: 'metadata.version', minVersion: 7, maxVersion: 33, level: 33 },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1, level: 0 },
  // KIP-848.
  { name: 'group.version', minVersion: 0, maxVersion: 1, level: 1 },
  // KIP-932.
  { name: 'share.version', minVersion: 0, maxVersion: 1, level: 1 },
  // KIP-890.
  { name: 'transaction.version', minVersion: 0, maxVersion: 2, level: 2 },
];

/** Must not be negative, or the Java producer stays with version 1 of transactions; it never changes. */
export const finalizedFeaturesEpoch = 0;
