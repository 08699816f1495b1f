/** What JsonSchemaConverter declares; the converter itself (and ajv below it) is imported when it is first used. */
import type { ConfigKey, ConverterPlugin } from '../api/index.ts';
import { registryAccessKeys } from './registry-access.ts';

const strategyNames = ['TopicNameStrategy', 'RecordNameStrategy', 'TopicRecordNameStrategy'];

const strategy = (side: string): ConfigKey => ({
  type: 'class',
  default: 'TopicNameStrategy',
  doc: `Which subject a ${side}'s schema belongs to: ${strategyNames.join(', ')}.`,
  validate: (value) =>
    strategyNames.some((name) => String(value) === name || String(value).endsWith(`.${name}`))
      ? null
      : `must be one of ${strategyNames.join(', ')}`,
});

const ignored: ConfigKey = { type: 'string', default: null, doc: "Accepted for Confluent's converter; has no effect." };

export const jsonSchemaPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'JsonSchemaConverter',
  aliases: ['io.confluent.connect.json.JsonSchemaConverter'],
  version: '1.0.0',
  config: {
    ...registryAccessKeys,
    'auto.register.schemas': { type: 'boolean', default: true, doc: 'Register schemas that are new to their subject.' },
    'use.latest.version': {
      type: 'boolean',
      default: false,
      doc: "Write with the subject's latest schema; values without a schema of their own are validated against it.",
    },
    'latest.cache.ttl.sec': {
      type: 'long',
      default: 60,
      min: -1,
      doc: 'How long the latest version is believed to be the latest; -1 is for ever.',
    },
    'json.schema': {
      type: 'string',
      default: null,
      doc: 'A JSON Schema to write with, as text, for values that have none. Registered under the subject.',
    },
    'json.fail.invalid.schema': {
      type: 'boolean',
      default: true,
      doc: 'Validate every message, written and read. (false is the default of the Confluent converter.)',
    },
    'rules.enabled': {
      type: 'boolean',
      default: true,
      doc: 'Run the data rules of the registered schema (CEL, CEL_FIELD), written and read.',
    },
    'rules.roles': {
      type: 'list',
      default: [],
      doc: 'The roles of who reads here: a rule whose parameter except.roles names one of them does not apply.',
    },
    'decimal.format': {
      type: 'string',
      default: 'BASE64',
      oneOf: ['BASE64', 'NUMERIC'],
      doc: 'How decimals are written.',
    },
    'key.subject.name.strategy': strategy('key'),
    'value.subject.name.strategy': strategy('value'),
    'json.write.dates.iso8601': ignored,
    'object.additional.properties': ignored,
    'use.optional.for.nonrequired': ignored,
    'schemas.cache.size': ignored,
    'normalize.schemas': ignored,
    'latest.compatibility.strict': ignored,
  },
  create: async () => new (await import('./json-schema.ts')).JsonSchemaConverter(),
};
