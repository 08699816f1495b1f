/**
 * Follows what happens to the jobs of a queue: each event becomes a record, without touching the job.
 *
 * BullMQ keeps events in a stream (Redis, about 10,000 of them) or a table (Postgres), each with an id that grows; the
 * id is the source offset. Events that were forgotten before they were read are a gap, which is said and marked.
 */
import {
  type Config,
  type ConnectValue,
  JsonText,
  Schemas,
  type SourceOffset,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
} from '../api/index.ts';
import { type SourceSettings, sourceSettings } from './config.ts';
import { toQueueError } from './errors.ts';
import { type EventLog, eventLogFor, type QueueEvent } from './event-log.ts';
import { placeOfUrl } from './job-store.ts';

/** How long a poll waits for the next event. */
const POLL_WAIT_MS = 1000;
const BATCH = 500;

export class EventReader implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SourceSettings;
  #log: EventLog | null = null;
  /** The last event read; null reads from the oldest that is kept. */
  #position: string | null = null;
  #isFirst = true;
  /** Events were forgotten before the next record: it will say so. */
  #hasGap = false;

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sourceSettings(config);
    const [offset] = await context.offsets([this.#partition()]);
    this.#position = positionOf(offset ?? null);
  }

  async poll(): Promise<readonly SourceRecord[] | null> {
    try {
      this.#log ??= await eventLogFor(this.#settings);
      if (this.#isFirst && this.#position !== null) this.#hasGap = await this.#log.hasForgotten(this.#position);
      const until = performance.now() + POLL_WAIT_MS;
      let records: SourceRecord[] = [];
      // A full batch that holds nothing wanted says nothing about what stands behind it.
      for (let isFull = true; isFull && records.length === 0 && performance.now() < until; ) {
        const events = await this.#log.read(this.#position, BATCH, POLL_WAIT_MS, this.#context.signal);
        if (this.#isFirst && this.#hasGap) this.#warnOfGap(events[0]);
        this.#isFirst = false;
        records = this.#toRecords(events);
        isFull = events.length === BATCH;
      }
      return records;
    } catch (error) {
      await this.#log?.close();
      this.#log = null;
      if (this.#context.signal.aborted) return null;
      throw toQueueError(placeOfUrl(this.#settings.url), error);
    }
  }

  async stop(): Promise<void> {
    await this.#log?.close();
  }

  #partition() {
    return { queue: this.#settings.queue, events: 'all' };
  }

  /** Events that are not asked for move the position with the next one that is. */
  #toRecords(events: readonly QueueEvent[]): SourceRecord[] {
    const wanted = this.#settings.events;
    const records: SourceRecord[] = [];
    for (const event of events) {
      this.#position = event.id;
      if (wanted !== null && !wanted.has(event.name)) continue;
      records.push(this.#toRecord(event, this.#hasGap));
      this.#hasGap = false;
    }
    return records;
  }

  #warnOfGap(first: QueueEvent | undefined): void {
    this.#context.logger.warn(
      { queue: this.#settings.queue, after: this.#position, before: first?.id ?? null },
      'Events were forgotten by the queue before they were read; the next record carries the header bullmq.gap. Keep more (streams.events.maxLen on Redis), or run without long pauses.',
    );
  }

  #toRecord(event: QueueEvent, isAfterGap: boolean): SourceRecord {
    const { jobId = '', ...rest } = event.fields;
    const value: ConnectValue = { event: event.name, jobId, ...decoded(rest) };
    const header = (key: string, text: string) => ({ key, value: text, schema: Schemas.string });
    return {
      sourcePartition: this.#partition(),
      sourceOffset: { id: event.id },
      topic: this.#settings.topic,
      partition: null,
      keySchema: Schemas.string,
      key: jobId,
      valueSchema: null,
      value: JsonText.of(value),
      headers: [
        header('bullmq.event', event.name),
        header('bullmq.event.id', event.id),
        ...(isAfterGap ? [header('bullmq.gap', 'true')] : []),
      ],
      timestamp: event.timestamp,
    };
  }
}

function positionOf(offset: SourceOffset | null): string | null {
  return typeof offset?.id === 'string' ? offset.id : null;
}

/** BullMQ keeps a job's result as JSON text; the rest is plain text. */
function decoded(fields: Readonly<Record<string, string>>): Record<string, ConnectValue> {
  const out: Record<string, ConnectValue> = {};
  for (const [name, text] of Object.entries(fields)) {
    if (name !== 'returnvalue' && name !== 'data') out[name] = text;
    else {
      try {
        out[name] = JSON.parse(text) as ConnectValue;
      } catch {
        out[name] = text;
      }
    }
  }
  return out;
}
