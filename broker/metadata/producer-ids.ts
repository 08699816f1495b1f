/**
 * Producer ids, never given out twice: a block is reserved on disk before its first id is used, and what was left of a
 * block at a crash is lost, not reused (as Kafka's ProducerIdManager does).
 */
import type { MetadataLog } from './metadata-log.ts';

const key = 'producer-ids';
const blockSize = 1000;

export class ProducerIds {
  readonly #metadata: MetadataLog;
  #next: number;
  /** Ids below are reserved on disk. */
  #reservedUpTo: number;
  #reserving: Promise<void> | null = null;

  constructor(metadata: MetadataLog) {
    this.#metadata = metadata;
    const entry = metadata.entries.get(key) as { readonly next: number } | undefined;
    this.#next = entry?.next ?? 0;
    this.#reservedUpTo = this.#next;
  }

  async next(): Promise<number> {
    while (this.#next >= this.#reservedUpTo) {
      this.#reserving ??= this.#reserve().finally(() => {
        this.#reserving = null;
      });
      await this.#reserving;
    }
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    const end = this.#reservedUpTo + blockSize;
    await this.#metadata.write([[key, { next: end }]]);
    this.#reservedUpTo = end;
  }
}
