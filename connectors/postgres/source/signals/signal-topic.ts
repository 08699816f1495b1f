/**
 * The signal topic (`signal.enabled.channels=kafka`): JSON objects under the key of this source, in the log the worker writes
 * to. What it asks for is noted as done once it is kept in a stored offset; a crash in between obeys it twice.
 */
import type { FollowedTopic, Logger, Signal } from '../../../api/index.ts';
import { signalOfLine } from './signals.ts';

export class SignalTopic {
  readonly #topic: FollowedTopic;
  readonly #key: string;
  readonly #logger: Logger;
  #isObeyed = false;

  constructor(topic: FollowedTopic, key: string, logger: Logger) {
    this.#topic = topic;
    this.#key = key;
    this.#logger = logger;
  }

  /** Signals since the last look, each to be read by the caller: one that holds no signal throws DataError there. */
  signals(): (() => Signal)[] {
    const records = this.#topic.take();
    if (records.length > 0) this.#isObeyed = true;
    return records.flatMap(({ key, value, offset }) => {
      if (key !== this.#key) {
        this.#logger.info({ key, offset }, `A signal under the key "${key}" is not for "${this.#key}".`);
        return [];
      }
      return value === null || value === '' ? [] : [() => signalOfLine(value)];
    });
  }

  /** What they asked for is durable. */
  async stored(): Promise<void> {
    if (!this.#isObeyed) return;
    this.#isObeyed = false;
    await this.#topic.commit();
  }

  close(): Promise<void> {
    return this.#topic.close();
  }
}
