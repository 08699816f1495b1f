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

/** Known, and refused by name with any value but one that asks for nothing: silence would be taken for consent. */
const refused = (nothing: string, why: string): ConfigKey => ({
  type: 'string',
  default: nothing,
  doc: `Only ${nothing === '' ? 'empty' : nothing}: ${why}.`,
  validate: (value) => (String(value) === nothing ? null : `is not served: ${why}`),
});

const ID_PREFIX = 'io.confluent.kafka.serializers.schema.id.';
const idSerializer = (side: string): ConfigKey => ({
  type: 'class',
  default: `${ID_PREFIX}PrefixSchemaIdSerializer`,
  doc: `How a ${side} names its schema: PrefixSchemaIdSerializer (magic byte and id in front) or HeaderSchemaIdSerializer (its GUID in the header __${side}_schema_id). Both are read.`,
  validate: (value) =>
    /(^|\.)(Prefix|Header)SchemaIdSerializer$/.test(String(value))
      ? null
      : 'must be PrefixSchemaIdSerializer or HeaderSchemaIdSerializer',
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
      doc: "Write with the subject's latest schema, and read with it: migration rules turn records of other versions into it. Values without a schema of their own are validated against it.",
    },
    'use.latest.with.metadata': {
      type: 'list',
      default: [],
      doc: "Like use.latest.version, but the latest version whose metadata has these properties: 'name=value,…'.",
      validate: (value) =>
        [value].flat().every((pair) => /^[^=]+=/.test(String(pair))) ? null : 'must be pairs name=value',
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
    'key.schema.id.serializer': idSerializer('key'),
    'value.schema.id.serializer': idSerializer('value'),
    'normalize.schemas': {
      type: 'boolean',
      default: false,
      doc: 'Register and look up with members sorted, so that their order makes no new version.',
    },
    'latest.compatibility.strict': {
      type: 'boolean',
      default: true,
      doc: 'With use.latest.version each record itself is validated against the latest schema, which is stricter.',
    },
    'use.schema.id': {
      type: 'int',
      default: -1,
      min: -1,
      doc: 'Write with the schema of this id; -1 is none. Wants auto.register.schemas=false.',
    },
    'id.compatibility.strict': {
      type: 'boolean',
      default: true,
      doc: 'With use.schema.id each record itself is validated against the schema, which is stricter.',
    },
    'json.oneof.for.nullables': {
      type: 'boolean',
      default: true,
      doc: 'How optional is written in schemas made here: oneOf with null, or null among the types.',
    },
    'object.additional.properties': {
      type: 'boolean',
      default: true,
      doc: 'Structs in schemas made here are open; false closes them, so that they can grow under BACKWARD.',
    },
    'json.fail.unknown.properties': {
      type: 'boolean',
      default: true,
      doc: "Of Java's object mapping: what the schema says of unknown properties is what counts here.",
    },
    'use.optional.for.nonrequired': { ...ignored, doc: 'Always so: a property that is not required is optional.' },
    'json.write.dates.iso8601': ignored,
    'json.schema.spec.version': ignored,
    'schemas.cache.size': ignored,
    'max.schemas.per.subject': ignored,
    'schema.reflection': ignored,
    'use.schema.guid': refused('', 'name the schema by use.schema.id'),
    'context.name.strategy': refused('', 'write the context into schema.registry.url: …/contexts/.name'),
    'generalized.sum.type.support': refused('false', 'values of several types stay JSON'),
    'rule.executors': refused('', 'CEL and CEL_FIELD are there, and no other'),
    'rule.actions': refused('', 'ERROR, NONE and DLQ are there, and no other'),
  },
  create: async () => new (await import('./json-schema.ts')).JsonSchemaConverter(),
};
