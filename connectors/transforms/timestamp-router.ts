/** TimestampRouter: puts the record's time into the topic name. */
import { type Config, type ConnectRecord, DataError, type Transform } from '../api/index.ts';
import { formatJavaDate, javaDateFormat } from './java-date.ts';
import { onRecord, withTopic } from './side.ts';

class TimestampRouter implements Transform {
  #topicFormat = '';
  #timestampFormat: ReturnType<typeof javaDateFormat> = [];

  configure(config: Config): void {
    this.#topicFormat = config.string('topic.format');
    this.#timestampFormat = javaDateFormat(config.string('timestamp.format'));
  }

  apply<R extends ConnectRecord>(record: R): R {
    if (record.timestamp === null) throw new DataError(`Timestamp missing on record: topic ${record.topic}.`);
    const timestamp = formatJavaDate(this.#timestampFormat, new Date(record.timestamp));
    const topic = this.#topicFormat.replaceAll(TOPIC, record.topic).replaceAll(TIMESTAMP, timestamp);
    return withTopic(record, topic);
  }
}

const reference = (name: string) => `\${${name}}`;
const TOPIC = reference('topic');
const TIMESTAMP = reference('timestamp');

export const timestampRouterPlugins = [
  onRecord(
    'TimestampRouter',
    {
      'topic.format': {
        type: 'string',
        default: `${TOPIC}-${TIMESTAMP}`,
        doc: `The new topic; ${TOPIC} and ${TIMESTAMP} are replaced.`,
        importance: 'high',
      },
      'timestamp.format': {
        type: 'string',
        default: 'yyyyMMdd',
        doc: "The time's format, as of java.text.SimpleDateFormat, in UTC.",
        importance: 'high',
      },
    },
    () => new TimestampRouter(),
    { leavesText: true },
  ),
];
