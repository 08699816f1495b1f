/**
 * Writes bad records to their dead letter topic: original bytes, headers and timestamp, and why they are there.
 *
 * For sinks (as in Kafka Connect, KIP-298) and for sources, whose "original" is what the plugin could hand over.
 */

import { asError, isRetriable, messageOf, type Stage, traceOf } from '../errors.ts';
import { type LogClient, LogError, type LogProducer, type ProducerRecord, type RecordHeader } from '../log/client.ts';
import { backoffMs, delay, within } from './backoff.ts';

/** What is known of a bad record. */
export interface Failure {
  readonly stage: Stage;
  readonly error: unknown;
  /** The class that failed: a transform, a converter, the connector. */
  readonly className: string;
  /** Where it stood in the log, for sinks. */
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  /** Where it stood in the source's world, for sources. */
  readonly source?: object;
  readonly original: OriginalRecord;
}

export interface OriginalRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly timestamp: number | null;
}

export interface DeadLetterOptions {
  readonly topic: string;
  /** Of the producer of its own, and what that producer is told. */
  readonly clientId: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** How long creating the topic may take. */
  readonly createTimeoutMs: number;
  readonly replicationFactor: number;
  readonly withContext: boolean;
  readonly connector: string;
  readonly task: number;
  readonly signal: AbortSignal;
  readonly counts: { deadLetterRequests: number; deadLetterFailures: number };
  /** Takes out of a text what must not be said. */
  readonly hide: (text: string) => string;
  /** Where they are written: into somebody's transaction, or by a producer of their own. */
  readonly producer: Pick<LogProducer, 'send' | 'close'> | null;
}

const PREFIX = '__connect.errors.';
const MAX_RETRY_DELAY_MS = 10_000;
/** Says of a letter without a value that it had one, of so many bytes, that the topic could not hold: no tombstone. */
const OMITTED_VALUE = 'millrace.omitted.value.bytes';

/** Whether the log refuses the record for its size. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof LogError && error.code === 'MESSAGE_TOO_LARGE';
}

/**
 * The letter without the value that is too large for its topic, too; a header says how many bytes that had, so that it is not taken
 * for a tombstone. Null where it has none. Better a letter that tells where the record stood than a task that ends.
 */
export function withoutValue(letter: ProducerRecord): ProducerRecord | null {
  if (letter.value === null) return null;
  const omitted = { key: OMITTED_VALUE, value: Buffer.from(String(letter.value.length)) };
  return { ...letter, value: null, headers: [...letter.headers, omitted] };
}

export class DeadLetterQueue {
  readonly topic: string;
  readonly #options: DeadLetterOptions;
  readonly #log: LogClient;
  readonly #producer: Pick<LogProducer, 'send' | 'close'>;
  #created: Promise<unknown> | undefined;

  constructor(log: LogClient, options: DeadLetterOptions) {
    this.topic = options.topic;
    this.#options = options;
    this.#log = log;
    const { clientId, overrides, producer } = options;
    this.#producer = producer ?? log.producer({ clientId, overrides });
  }

  /** Resolves when the record is durable there; tries again while the log is away, until the task is stopped. */
  async send(failure: Failure): Promise<void> {
    this.#options.counts.deadLetterRequests++;
    const { key, value, headers, timestamp } = failure.original;
    const context = this.#options.withContext ? this.#context(failure) : [];
    let record: ProducerRecord = {
      topic: this.topic,
      partition: null,
      key,
      value,
      headers: [...headers, ...context],
      timestamp,
    };
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#ensureTopic();
        await this.#producer.send([record]);
        return;
      } catch (error) {
        const smaller = isTooLarge(error) ? withoutValue(record) : null;
        if (smaller !== null) {
          record = smaller;
          continue;
        }
        this.#options.counts.deadLetterFailures++;
        if (!isRetriable(error) || this.#options.signal.aborted) throw error;
        await delay(backoffMs(attempt, MAX_RETRY_DELAY_MS), this.#options.signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }

  #ensureTopic(): Promise<unknown> {
    const { topic, replicationFactor, createTimeoutMs } = this.#options;
    this.#created ??= within(
      `Creating the dead letter topic ${topic}`,
      createTimeoutMs,
      this.#log.createTopics([{ topic, partitions: 1, replicationFactor }]),
    ).catch((error: unknown) => {
      this.#created = undefined;
      throw error;
    });
    return this.#created;
  }

  /** The ten headers of KIP-298, and one more for a place in the source's world. */
  #context(failure: Failure): RecordHeader[] {
    const error = asError(failure.error);
    const text = (name: string, value: string | number | null): RecordHeader => ({
      key: PREFIX + name,
      value: value === null ? null : Buffer.from(String(value)),
    });
    const headers = [
      text('topic', failure.topic),
      text('partition', failure.partition),
      text('offset', failure.offset),
      text('connector.name', this.#options.connector),
      text('task.id', this.#options.task),
      text('stage', failure.stage),
      text('class.name', failure.className),
      text('exception.class.name', error.name),
      text('exception.message', this.#options.hide(messageOf(error))),
      text('exception.stacktrace', this.#options.hide(traceOf(error))),
    ];
    return failure.source === undefined ? headers : [...headers, text('source', JSON.stringify(failure.source))];
  }
}
