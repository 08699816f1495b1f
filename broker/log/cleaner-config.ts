/**
 * The cleaner's settings: Kafka's `log.cleaner.*` keys of the broker, parsed.
 */

/** What one round may use. */
export interface CleanLimits {
  /** `log.cleaner.dedupe.buffer.size`: memory for the keys of one round, in bytes. */
  readonly dedupeBytes: number;
  /** `log.cleaner.io.buffer.load.factor`: how full that memory may be. */
  readonly loadFactor: number;
}

export interface CleanerConfig extends CleanLimits {
  /** `log.cleaner.enable`. */
  readonly isEnabled: boolean;
  /** `log.cleaner.backoff.ms`: how often to look for something to clean. */
  readonly backoffMs: number;
  /** `log.cleaner.io.max.bytes.per.second`, read and written together. */
  readonly bytesPerSecond: number;
}

export const defaultCleanerConfig: CleanerConfig = {
  isEnabled: true,
  backoffMs: 15_000,
  dedupeBytes: 128 * 1024 * 1024,
  loadFactor: 0.9,
  bytesPerSecond: Number.MAX_VALUE,
};
