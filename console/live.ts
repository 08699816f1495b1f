/**
 * `/api/events`: the overview as server-sent events, once a second, to everyone who looks.
 *
 * Nothing is sampled while nobody looks. A reader that does not keep up misses samples instead of filling memory.
 */
import type { ServerResponse } from 'node:http';
import { openStream } from './http.ts';
import { type OverviewSampler, SAMPLE_INTERVAL_MS } from './overview.ts';

/** Tabs that may look at once; browsers open up to six streams to a host. */
const MAX_READERS = 32;
/** Bytes that may wait for one reader. */
const MAX_WAITING_BYTES = 1024 * 1024;

export class LiveOverview {
  readonly #sampler: OverviewSampler;
  readonly #readers = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | null = null;

  constructor(sampler: OverviewSampler) {
    this.#sampler = sampler;
  }

  /** False when there are too many already; then the caller answers. */
  add(response: ServerResponse): boolean {
    if (this.#readers.size >= MAX_READERS) return false;
    openStream(response, 'text/event-stream; charset=utf-8');
    this.#readers.add(response);
    response.on('close', () => this.#remove(response));
    this.#timer ??= setInterval(() => void this.#tick(), SAMPLE_INTERVAL_MS);
    void this.#tick();
    return true;
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
    this.#stopTimer();
  }

  async #tick(): Promise<void> {
    const event = `data: ${JSON.stringify(await this.#sampler.sample())}\n\n`;
    for (const reader of this.#readers) {
      if (reader.writableLength < MAX_WAITING_BYTES) reader.write(event);
    }
  }

  #remove(response: ServerResponse): void {
    this.#readers.delete(response);
    if (this.#readers.size === 0) this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
