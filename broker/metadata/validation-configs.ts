/**
 * The topic configs that make the broker check records against their schemas. Ours: Kafka has none; Confluent Server's two
 * switches mean the same here.
 */
import type { TopicConfigDefinition } from './topic-config.ts';

export const validationConfigs: readonly TopicConfigDefinition[] = [
  {
    name: 'schema.validation',
    synonym: null,
    type: 'list',
    defaultValue: '',
    oneOf: ['key', 'value'],
    doc: 'Which of key and value the broker checks against the schema registry before it takes a record.',
  },
  {
    name: 'schema.validation.subject.name.strategy',
    synonym: null,
    type: 'string',
    defaultValue: 'topic',
    oneOf: ['topic', 'record', 'topic-record'],
    doc: "topic: the schema must be registered under the topic's own subjects; record and topic-record: under any.",
  },
  {
    name: 'schema.validation.unframed',
    synonym: null,
    type: 'string',
    defaultValue: 'refuse',
    oneOf: ['refuse', 'latest'],
    doc: "What records without a schema id are judged by: nothing, they are refused, or the subject's latest version.",
  },
  {
    name: 'schema.validation.dead.letter.topic',
    synonym: null,
    type: 'string',
    defaultValue: '',
    doc: 'Where records that do not fit go, the rest of their batch being taken. Empty: the batch is refused with INVALID_RECORD. A transaction is always refused.',
  },
  {
    name: 'confluent.key.schema.validation',
    synonym: null,
    type: 'boolean',
    defaultValue: 'false',
    doc: "Confluent Server's switch for schema.validation=key.",
  },
  {
    name: 'confluent.value.schema.validation',
    synonym: null,
    type: 'boolean',
    defaultValue: 'false',
    doc: "Confluent Server's switch for schema.validation=value.",
  },
];
