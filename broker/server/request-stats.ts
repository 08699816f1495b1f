/**
 * What the dispatcher counts of every request: how many of each API, how long they took, how many bytes records came and
 * went in. Two additions a request; read by metrics.ts at each scrape.
 */

/** Keys are small numbers (ApiVersions); a new one of Kafka's fits. */
const keysMax = 128;
const produceKey = 0;

export class RequestStats {
  readonly #counts = new Float64Array(keysMax);
  readonly #timesMs = new Float64Array(keysMax);
  /** Bytes of Produce requests. */
  bytesIn = 0;
  /** Bytes of records that Fetch was answered with. */
  bytesOut = 0;

  /** A request is answered. `tookMs` includes what it waited for, as a long poll does. */
  answered(apiKey: number, tookMs: number, requestBytes: number, fetchedBytes: number): void {
    this.#counts[apiKey]! += 1;
    this.#timesMs[apiKey]! += tookMs;
    if (apiKey === produceKey) this.bytesIn += requestBytes;
    this.bytesOut += fetchedBytes;
  }

  count(apiKey: number): number {
    return this.#counts[apiKey] ?? 0;
  }

  timeMs(apiKey: number): number {
    return this.#timesMs[apiKey] ?? 0;
  }
}
