/**
 * ByLogicalTableRouter (Debezium): the topics of several physical tables, shards for example, become one.
 *
 * The key gets a field with the table it came from, because ids of different shards are the same; schemas are named
 * after the new topic.
 */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  type Field,
  isFields,
  javaRegex,
  javaReplacement,
  plainValue,
  type Schema,
  Schemas,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';
import { likeOriginal } from './side.ts';

class ByLogicalTableRouter implements Transform {
  #regex = /^$/;
  #replacement = '';
  #keyField: string | null = null;
  #keyRegex: RegExp | null = null;
  #keyReplacement = '';
  /** What became of a schema under a new topic: tables are few and records many. */
  readonly #renamed = new WeakMap<Schema, Map<string, Schema>>();

  configure(config: Config): void {
    this.#regex = javaRegex(config.string('topic.regex'));
    this.#replacement = javaReplacement(config.string('topic.replacement'));
    this.#keyField = config.boolean('key.enforce.uniqueness') ? config.string('key.field.name') : null;
    const regex = config.optionalString('key.field.regex');
    const replacement = config.optionalString('key.field.replacement');
    if ((regex === null) !== (replacement === null)) {
      throw new ConfigError('ByLogicalTableRouter takes key.field.regex and key.field.replacement together.');
    }
    this.#keyRegex = regex === null ? null : javaRegex(regex);
    this.#keyReplacement = javaReplacement(replacement ?? '');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const topic = record.topic.replace(this.#regex, this.#replacement);
    if (topic === record.topic || topic === '') return record;
    const valueSchema =
      record.valueSchema === null ? null : this.#once(record.valueSchema, topic, (schema) => renamed(schema, topic));
    return { ...this.#withKey(record, topic), topic, valueSchema };
  }

  #withKey<R extends ConnectRecord>(record: R, topic: string): R {
    const key = plainValue(record.key);
    const name = this.#keyField;
    if (!isFields(key)) return record;
    const keySchema =
      record.keySchema === null
        ? null
        : this.#once(record.keySchema, `${topic}.Key`, (schema) => ({
            ...withField(schema, name),
            name: `${topic}.Key`,
          }));
    if (name === null) return { ...record, keySchema };
    const extended: Record<string, ConnectValue> = { ...key, [name]: this.#tableOf(record.topic) };
    return { ...record, keySchema, key: likeOriginal(record.key, extended, keySchema) };
  }

  #tableOf(topic: string): string {
    return this.#keyRegex === null ? topic : topic.replace(this.#keyRegex, this.#keyReplacement);
  }

  #once(schema: Schema, name: string, change: (schema: Schema) => Schema): Schema {
    const known = this.#renamed.get(schema) ?? new Map<string, Schema>();
    this.#renamed.set(schema, known);
    const changed = known.get(name) ?? change(schema);
    known.set(name, changed);
    return changed;
  }
}

function withField(schema: Schema, name: string | null): Schema {
  const field: readonly Field[] = name === null ? [] : [{ name, schema: Schemas.string }];
  return { ...schema, fields: [...(schema.fields ?? []), ...field] };
}

/** An envelope and the rows in it are named after the topic; other values only have another topic. */
function renamed(schema: Schema, topic: string): Schema {
  const isEnvelope = schema.fields?.some(({ name }) => name === 'op') === true;
  if (!isEnvelope) return schema.type === 'struct' ? { ...schema, name: `${topic}.Value` } : schema;
  const fields = schema.fields!.map(({ name, schema: each }) => {
    const isRow = name === 'before' || name === 'after';
    return { name, schema: isRow ? { ...each, name: `${topic}.Value` } : each };
  });
  return { ...schema, name: `${topic}.Envelope`, fields };
}

const text = (doc: string, importance: 'high' | 'low') => ({ type: 'string', doc, importance }) as const;
const optionalText = (doc: string) => ({ type: 'string', default: null, doc, importance: 'low' }) as const;

export const byLogicalTableRouterPlugin: TransformPlugin = {
  type: 'transformation',
  class: 'ByLogicalTableRouter',
  aliases: ['io.debezium.transforms.ByLogicalTableRouter'],
  version: '1.0.0',
  config: {
    'topic.regex': text('Topics whose whole name matches are renamed.', 'high'),
    'topic.replacement': text('The new name; $1 is the first group.', 'high'),
    'key.enforce.uniqueness': {
      type: 'boolean',
      default: true,
      doc: 'Adds the table of origin to the key, as the same key may come from several tables.',
      importance: 'low',
    },
    'key.field.name': {
      type: 'string',
      default: '__dbz__physicalTableIdentifier',
      doc: 'The name of that field.',
      importance: 'low',
    },
    'key.field.regex': optionalText('Takes the old topic apart for that field.'),
    'key.field.replacement': optionalText('The value of that field, made of what the regex found; else the old topic.'),
    'schema.name.adjustment.mode': optionalText('Accepted for Debezium; has no effect.'),
    'logical.table.cache.size': { type: 'int', default: 16, doc: 'Accepted for Debezium; has no effect.' },
  },
  create: () => new ByLogicalTableRouter(),
};
