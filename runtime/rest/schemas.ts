/**
 * The bodies of the REST API as JSON Schemas (2020-12, as OpenAPI 3.1 takes them): what docs show and what the walk's
 * requests and answers are checked against.
 */

type JsonSchema = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const flag = { type: 'boolean' };
const whole = { type: 'integer' };
const nullable = (type: string) => ({ type: [type, 'null'] });
const list = (items: JsonSchema) => ({ type: 'array', items });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** An object; members that end in `?` may be absent. Clients must expect more members than these. */
function object(members: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const isOptional = (name: string) => name.endsWith('?');
  const plain = (name: string) => name.replace(/\?$/, '');
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [plain(name), schema])),
    required: Object.keys(members).filter((name) => !isOptional(name)),
  };
}

const states = ['UNASSIGNED', 'RUNNING', 'PAUSED', 'FAILED', 'RESTARTING'];
const type = { enum: ['source', 'sink', 'unknown'] };
const status = { 'trace?': text, 'version?': nullable('string'), worker_id: text };

export const schemas = {
  Error: object({ error_code: whole, message: text }),
  Worker: object({ version: text, commit: text, kafka_cluster_id: text }),
  Health: object({ status: { enum: ['healthy', 'starting', 'unhealthy'] }, message: text }),
  /** Numbers and booleans are taken as their text. */
  Config: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
  /** Null deletes a key. */
  ConfigPatch: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
  Signal: object({ 'id?': text, type: text, 'data?': { type: 'object' } }),
  SignalTaken: object({ id: text }),
  CreateRequest: {
    ...object({
      name: text,
      config: ref('Config'),
      'initial_state?': { type: ['string', 'null'], pattern: '^(?:RUNNING|PAUSED|STOPPED|running|paused|stopped)$' },
    }),
    additionalProperties: false,
  },
  TaskId: object({ connector: text, task: whole }),
  Connector: object({ name: text, config: ref('Config'), tasks: list(ref('TaskId')), type }),
  Names: list(text),
  /** A list of names or, with `expand`, an object of what was asked for by name. */
  Connectors: {
    oneOf: [
      ref('Names'),
      {
        type: 'object',
        additionalProperties: object({ 'status?': ref('ConnectorStatus'), 'info?': ref('Connector') }),
      },
    ],
  },
  Tasks: list(object({ id: ref('TaskId'), config: ref('Config') })),
  TaskStatus: object({
    id: whole,
    state: { enum: states },
    ...status,
    'figures?': { type: 'object', additionalProperties: { type: 'number' } },
  }),
  ConnectorStatus: object({
    name: text,
    connector: object({ state: { enum: [...states, 'STOPPED'] }, ...status }),
    tasks: list(ref('TaskStatus')),
    type,
  }),
  /** By the connector's name. */
  Topics: { type: 'object', additionalProperties: object({ topics: list(text) }) },
  Offsets: object({ offsets: list(object({ partition: { type: 'object' }, offset: nullable('object') })) }),
  Message: object({ message: text }),
  Plugins: list(
    object({
      class: text,
      type: { enum: ['source', 'sink', 'transformation', 'predicate', 'converter', 'header_converter'] },
      version: text,
    }),
  ),
  ConfigKey: object({
    name: text,
    type: { enum: ['BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD'] },
    required: flag,
    default_value: nullable('string'),
    importance: { enum: ['HIGH', 'MEDIUM', 'LOW'] },
    documentation: text,
    group: nullable('string'),
    order_in_group: whole,
    width: { enum: ['NONE', 'SHORT', 'MEDIUM', 'LONG'] },
    display_name: text,
    dependents: list(text),
  }),
  ConfigKeys: list(ref('ConfigKey')),
  Validation: object({
    name: text,
    error_count: whole,
    groups: list(text),
    configs: list(
      object({
        definition: ref('ConfigKey'),
        value: object({
          name: text,
          value: nullable('string'),
          recommended_values: list(text),
          errors: list(text),
          visible: flag,
        }),
      }),
    ),
  }),
  LoggerLevel: object({ level: text, last_modified: nullable('integer') }),
  Loggers: { type: 'object', additionalProperties: ref('LoggerLevel') },
  LevelRequest: object({ level: text }),
  Secret: object({ name: text, keys: list(text), updated: whole }),
  Secrets: list(ref('Secret')),
  SecretValues: { type: 'object', additionalProperties: nullable('string') },
  Rotated: object({ rotated: whole }),
  Document: { type: 'object' },
} as const satisfies Record<string, JsonSchema>;

export type SchemaName = keyof typeof schemas;
