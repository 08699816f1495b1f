/**
 * A topic that a source task reads beside its own work: commands that come through the log. Read in the background, a member
 * of a group of its own; the task takes what has come when it looks around. Besides step 1.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowedRecord, FollowedTopic, Logger } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { LogClient, LogConsumer, TopicPartition } from '../log/client.ts';

const POLL_MS = 1000;
const RETRY_MS = 2000;
/** Nobody takes what comes: the rest stays in the log. */
const WAITING_MAX = 1000;

export interface FollowOptions {
  readonly log: LogClient;
  readonly logger: Logger;
  readonly topic: string;
  readonly group: string;
  readonly clientId: string;
}

export class LogFollower implements FollowedTopic {
  readonly #options: FollowOptions;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #consumer: LogConsumer | null = null;
  #waiting: FollowedRecord[] = [];
  /** Per partition, behind the last record that was taken. */
  readonly #taken = new Map<number, number>();

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  take(): readonly FollowedRecord[] {
    const taken = this.#waiting;
    this.#waiting = [];
    for (const { partition, offset } of taken) this.#taken.set(partition, offset + 1);
    return taken;
  }

  async commit(): Promise<void> {
    const { topic, logger } = this.#options;
    const offsets = [...this.#taken].map(([partition, offset]) => ({ topic, partition, offset }));
    if (offsets.length === 0 || this.#consumer === null) return;
    this.#taken.clear();
    try {
      await this.#consumer.commit(offsets);
    } catch (error) {
      // They come again then, and are told twice.
      logger.warn({ err: error, topic }, `What was read of topic ${topic} could not be noted: ${messageOf(error)}`);
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#consumer?.close().catch(() => {});
    await this.#running;
  }

  async #run(): Promise<void> {
    const { topic, logger } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#read();
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: error, topic }, `Topic ${topic} is not being read, and tried again: ${messageOf(error)}`);
        await this.#consumer?.close().catch(() => {});
        this.#consumer = null;
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #read(): Promise<void> {
    const { log, topic, group, clientId } = this.#options;
    await log.createTopics([{ topic, partitions: 1, replicationFactor: -1 }]);
    const consumer = log.consumer({ clientId, group, autoOffsetReset: 'earliest', isolation: 'read_committed' });
    this.#consumer = consumer;
    // What was not taken when a partition went comes again to whoever has it now.
    const onRevoked = async (partitions: readonly TopicPartition[]) => {
      const gone = new Set(partitions.map(({ partition }) => partition));
      this.#waiting = this.#waiting.filter(({ partition }) => !gone.has(partition));
      for (const partition of gone) this.#taken.delete(partition);
    };
    consumer.subscribe([topic], { onAssigned: async () => {}, onRevoked });
    while (!this.#abort.signal.aborted) {
      if (this.#waiting.length >= WAITING_MAX) {
        await sleep(POLL_MS, undefined, { signal: this.#abort.signal }).catch(() => {});
        continue;
      }
      for (const { partition, offset, key, value } of await consumer.poll(POLL_MS)) {
        const text = (bytes: Buffer | null) => bytes?.toString('utf8') ?? null;
        this.#waiting.push({ partition, offset, key: text(key), value: text(value) });
      }
    }
  }
}
