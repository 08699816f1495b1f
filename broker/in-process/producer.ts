/**
 * Appends records to the broker's logs without a socket. Step 4 and 5 of the record's journey: each `send` becomes one
 * batch (or a few) per partition, and hands the bytes to the log, which owns them from then.
 */
import type { Broker } from '../broker.ts';
import { appendBatches, Batching, buildBatch, type Packing, packingOf } from './batching.ts';
import { refusal } from './errors.ts';
import type { ProducerOptions, ProducerRecord, RecordMetadata } from './types.ts';

export class InProcessProducer {
  readonly #batching: Batching;
  readonly #acks: -1 | 1;
  readonly #packing: Packing;
  #inFlight = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(broker: Broker, options: ProducerOptions) {
    this.#batching = new Batching(broker, options);
    this.#acks = acksOf(options);
    this.#packing = packingOf(options.overrides);
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    if (this.#isClosed) throw refusal('NETWORK_EXCEPTION', 'The producer is closed.');
    if (records.length === 0) return [];
    const nowMs = Date.now();
    const batches = this.#batching.gather(records, nowMs);
    // Everything is built, and its size checked, before anything is appended: a record too large leaves no trace.
    const built = batches.map((batch) => buildBatch(batch, this.#packing));
    this.#inFlight++;
    try {
      const metadata = await appendBatches(records, batches, built, nowMs, { acks: this.#acks, origin: 'client' });
      this.#batching.reuse(built);
      return metadata;
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }

  /** Waits for what was sent. The log answers every append, with an error when its disk fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

/** `acks=0` asks for no answer; here the answer costs nothing, so it is that of 1. */
function acksOf({ acks, overrides }: ProducerOptions): -1 | 1 {
  const wanted = overrides?.acks ?? String(acks ?? 'all');
  return wanted === '1' || wanted === '0' ? 1 : -1;
}
