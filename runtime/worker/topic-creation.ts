/**
 * Creates the topics a source connector writes to, before its first record goes there (KIP-158).
 *
 * `topic.creation.<group>.include/.exclude` choose the group by the topic's whole name, in the order of
 * `topic.creation.groups`; else the default group; without any, the cluster's own defaults.
 */
import type { Config } from '../../connectors/api/index.ts';
import type { LogClient, NewTopic } from '../log/client.ts';
import { within } from './backoff.ts';
import { type TopicGroup, topicGroups } from './topic-groups.ts';

export class TopicCreation {
  readonly #log: LogClient;
  readonly #groups: readonly TopicGroup[];
  readonly #isEnabled: boolean;
  readonly #timeoutMs: number;
  readonly #known = new Set<string>();

  /** `timeoutMs` is how long a creation may take (admin.override.default.api.timeout.ms). */
  constructor(log: LogClient, settings: Config, { isEnabled, timeoutMs }: { isEnabled: boolean; timeoutMs: number }) {
    this.#log = log;
    this.#timeoutMs = timeoutMs;
    this.#isEnabled = isEnabled;
    this.#groups = topicGroups(settings);
  }

  isKnown(topic: string): boolean {
    return this.#known.has(topic);
  }

  /** Resolves when the topic exists (or may be left to the broker). Errors are the log's. */
  async ensure(topic: string): Promise<void> {
    if (this.#isEnabled) await this.create(this.#newTopic(topic));
    this.#known.add(topic);
  }

  /** Creates a topic of the worker's own, whose settings are not the user's. One that exists is left as it is. */
  async create(topic: NewTopic): Promise<void> {
    const created = this.#log.createTopics([topic]);
    await within(`Creating topic ${topic.topic} (admin setting default.api.timeout.ms)`, this.#timeoutMs, created);
  }

  #newTopic(topic: string): NewTopic {
    const group = this.#groups.find(
      ({ include, exclude }) => include.some((one) => one.test(topic)) && !exclude.some((one) => one.test(topic)),
    );
    const { partitions, replicationFactor, config } = group ?? this.#groups.at(-1)!;
    return { topic, partitions, replicationFactor, config };
  }
}
