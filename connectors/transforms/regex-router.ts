/** RegexRouter: renames the topic when its whole name matches. */
import { ConfigError, type ConnectRecord, javaRegex, javaReplacement, type Transform } from '../api/index.ts';
import { onRecord, withTopic } from './side.ts';

class RegexRouter implements Transform {
  #pattern = /^$/;
  #replacement = '';
  /** Topics are few and records many. */
  readonly #routes = new Map<string, string>();

  configure(config: Parameters<Transform['configure']>[0]): void {
    this.#pattern = javaRegex(config.string('regex'));
    this.#replacement = javaReplacement(config.string('replacement'));
  }

  apply<R extends ConnectRecord>(record: R): R {
    let topic = this.#routes.get(record.topic);
    if (topic === undefined) {
      topic = record.topic.replace(this.#pattern, this.#replacement);
      if (topic === '') throw new ConfigError(`RegexRouter leaves nothing of the topic name "${record.topic}".`);
      this.#routes.set(record.topic, topic);
    }
    return topic === record.topic ? record : withTopic(record, topic);
  }
}

export const regexRouterPlugins = [
  onRecord(
    'RegexRouter',
    {
      regex: {
        type: 'string',
        doc: 'The pattern the whole topic name must match.',
        importance: 'high',
        validate: isRegex,
      },
      replacement: {
        type: 'string',
        mayBeEmpty: true,
        doc: 'The new name; $1 is the first group.',
        importance: 'high',
      },
    },
    () => new RegexRouter(),
    { aliases: ['io.confluent.connect.transforms.RegexRouter'], leavesText: true },
  ),
];

function isRegex(value: unknown): string | null {
  try {
    javaRegex(String(value));
    return null;
  } catch (error) {
    return `is no regular expression (${(error as Error).message})`;
  }
}
