/** The three stock predicates (KIP-585). */
import { type ConfigDef, javaRegex, type Predicate, type PredicatePlugin, RecordDraft } from '../../api/index.ts';

const JAVA = 'org.apache.kafka.connect.transforms.predicates.';

function predicate(name: string, config: ConfigDef, create: () => Predicate): PredicatePlugin {
  return {
    type: 'predicate',
    class: name,
    aliases: [JAVA + name],
    version: '1.0.0',
    config,
    takesDrafts: true,
    create,
  };
}

const hasHeaderKey = predicate(
  'HasHeaderKey',
  { name: { type: 'string', doc: 'The name of the header.', importance: 'medium' } },
  () => {
    let name = '';
    return {
      configure(config) {
        name = config.string('name');
      },
      test: (record) => record.headers.some(({ key }) => key === name),
    };
  },
);

const recordIsTombstone = predicate('RecordIsTombstone', {}, () => ({
  configure() {},
  test: (record) => (record instanceof RecordDraft ? record.isTombstone : record.value === null),
}));

const topicNameMatches = predicate(
  'TopicNameMatches',
  {
    pattern: {
      type: 'string',
      doc: 'The pattern the whole topic name must match.',
      importance: 'medium',
      validate(value) {
        try {
          javaRegex(String(value));
          return null;
        } catch (error) {
          return `is no regular expression (${(error as Error).message})`;
        }
      },
    },
  },
  () => {
    let pattern = /^$/;
    return {
      configure(config) {
        pattern = javaRegex(config.string('pattern'));
      },
      test: (record) => pattern.test(record.topic),
    };
  },
);

export const predicatePlugins: readonly PredicatePlugin[] = [hasHeaderKey, recordIsTombstone, topicNameMatches];
