/**
 * Creates the topics a source connector writes to, before its first record goes there (KIP-158).
 *
 * `topic.creation.<group>.include/.exclude` choose the group by the topic's whole name, in the order of
 * `topic.creation.groups`; else the default group; without any, the cluster's own defaults.
 */
import { type Config, ConfigError } from '../../connectors/api/index.ts';
import type { LogClient, NewTopic } from '../log/client.ts';
import { under } from './plan.ts';

interface Group {
  readonly include: readonly RegExp[];
  readonly exclude: readonly RegExp[];
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

const OWN_KEYS = new Set(['include', 'exclude', 'partitions', 'replication.factor']);

export class TopicCreation {
  readonly #log: LogClient;
  readonly #groups: readonly Group[];
  readonly #isEnabled: boolean;
  readonly #known = new Set<string>();

  constructor(log: LogClient, settings: Config, isEnabled: boolean) {
    this.#log = log;
    this.#isEnabled = isEnabled;
    this.#groups = [...settings.list('topic.creation.groups'), 'default'].map((name) => groupOf(name, settings));
  }

  isKnown(topic: string): boolean {
    return this.#known.has(topic);
  }

  /** Resolves when the topic exists (or may be left to the broker). Errors are the log's. */
  async ensure(topic: string): Promise<void> {
    if (this.#isEnabled) await this.#log.createTopics([this.#newTopic(topic)]);
    this.#known.add(topic);
  }

  #newTopic(topic: string): NewTopic {
    const group = this.#groups.find(
      ({ include, exclude }) => include.some((one) => one.test(topic)) && !exclude.some((one) => one.test(topic)),
    );
    const { partitions, replicationFactor, config } = group ?? this.#groups.at(-1)!;
    return { topic, partitions, replicationFactor, config };
  }
}

function groupOf(name: string, settings: Config): Group {
  const prefix = `topic.creation.${name}.`;
  const raw = under(settings.raw, prefix);
  const patterns = (key: string, ifAbsent: string[]) =>
    (raw[key]?.split(/\s*,\s*/) ?? ifAbsent).map((text) => wholeMatch(prefix + key, text));
  return {
    include: patterns('include', name === 'default' ? ['.*'] : []),
    exclude: patterns('exclude', []),
    partitions: count(prefix, 'partitions', raw),
    replicationFactor: count(prefix, 'replication.factor', raw),
    config: Object.fromEntries(Object.entries(raw).filter(([key]) => !OWN_KEYS.has(key))),
  };
}

function count(prefix: string, key: string, raw: Readonly<Record<string, string>>): number {
  const number = Number(raw[key] ?? -1);
  if (Number.isInteger(number) && (number === -1 || number > 0)) return number;
  const message = `Invalid value "${raw[key]}" for configuration "${prefix}${key}": it must be -1 or a positive number.`;
  throw new ConfigError([{ key: prefix + key, value: raw[key], message }]);
}

function wholeMatch(key: string, text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`);
  } catch (cause) {
    const message = `Invalid value "${text}" for configuration "${key}": it is no regular expression.`;
    throw new ConfigError([{ key, value: text, message }], { cause });
  }
}
