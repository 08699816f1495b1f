/**
 * The JSON Schema of a connector file, for editors: made from the same declarations the worker parses with.
 *
 * For one class, or for all: then `connector.class` decides which keys are known. Draft 7.
 */
import { type ConfigDef, configSchema, type JsonSchema, type Plugin } from '../../connectors/api/index.ts';
import { connectorKeys, predicateKeys, sinkKeys, sourceKeys, transformKeys } from '../worker/keys.ts';
import type { Plugins } from '../worker/plugins.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

type ConnectorPlugin = Extract<Plugin, { type: 'source' | 'sink' }>;

/** The schema of a file of one class, or of any class in `plugins`. */
export function connectorFileSchema(plugins: Plugins, chosen?: ConnectorPlugin): JsonSchema {
  const classes = chosen === undefined ? newestOf(plugins) : [chosen];
  const name = { 'connector.class': { type: 'string', anyOf: classNames(classes) } };
  const branches = classes.map((plugin) => ({
    if: { properties: { 'connector.class': { enum: namesOf(plugin) } }, required: ['connector.class'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: flatSchema(plugins, plugin),
  }));
  const config = { type: 'object', properties: name, required: ['connector.class'], allOf: branches };
  return {
    $schema: DRAFT,
    title: chosen === undefined ? 'A Millrace connector' : `A connector of class ${chosen.class}`,
    type: 'object',
    definitions: { config },
    if: { properties: { config: { type: 'object' } }, required: ['config'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: {
      properties: {
        $schema: { type: 'string' },
        name: {
          type: 'string',
          description: 'The name of the connector, unique in the worker; else the file is its name.',
        },
        config: { $ref: '#/definitions/config' },
        initial_state: { enum: ['RUNNING', 'PAUSED', 'STOPPED'], description: 'The state it is created in.' },
      },
      additionalProperties: false,
    },
    else: { $ref: '#/definitions/config' },
  };
}

/** The planner's own rule for sinks: exactly one of the two. */
const topicsOrRegex: readonly JsonSchema[] = [
  { anyOf: [{ required: ['topics'] }, { required: ['topics.regex'] }] },
  { not: { required: ['topics', 'topics.regex'] } },
];

/** One flat config of one class: its own keys, the runtime's, and those of whatever stands in its chain. */
function flatSchema(plugins: Plugins, plugin: ConnectorPlugin): JsonSchema {
  // A file is called after itself where it says nothing else.
  const { name, ...common } = connectorKeys;
  const runtime: ConfigDef = { ...common, name: { ...name!, default: null }, ...kindKeys(plugin) };
  const own = configSchema({ ...plugin.config, ...runtime });
  const chain = { ...chainKeys(plugins), ...converterKeys(plugins) };
  const properties = own.properties as Record<string, JsonSchema>;
  const relations = [
    ...((own.allOf as readonly JsonSchema[] | undefined) ?? []),
    ...(plugin.type === 'sink' ? topicsOrRegex : []),
  ];
  return {
    ...own,
    // An empty list is no schema.
    ...(relations.length === 0 ? {} : { allOf: relations }),
    properties: {
      ...properties,
      $schema: { type: 'string' },
      initial_state: { enum: ['RUNNING', 'PAUSED', 'STOPPED'] },
      ...Object.fromEntries(
        ['key.converter', 'value.converter'].map((key) => [key, withNames(properties[key]!, plugins, 'converter')]),
      ),
    },
    patternProperties: { ...(own.patternProperties as object | undefined), ...chain },
    additionalProperties: false,
  };
}

function kindKeys(plugin: ConnectorPlugin): ConfigDef {
  return plugin.type === 'sink' ? sinkKeys : sourceKeys;
}

/** `transforms.<alias>.…`: the class decides which keys follow, so the names of the keys of all of them are offered. */
function chainKeys(plugins: Plugins): Record<string, JsonSchema> {
  const steps = [
    ['transforms', 'transformation', transformKeys],
    ['predicates', 'predicate', predicateKeys],
  ] as const;
  return Object.fromEntries(
    steps.flatMap(([word, type, keys]) => [
      [`^${word}\\.[^.]+\\.type$`, withNames({ description: keys.type!.doc }, plugins, type)],
      [`^${word}\\.[^.]+\\.(?!type$).+`, { type: ['string', 'number', 'boolean'] }],
    ]),
  );
}

function converterKeys(plugins: Plugins): Record<string, JsonSchema> {
  const keys = new Set(
    plugins.list
      .filter(({ type }) => type === 'converter' || type === 'header_converter')
      .flatMap(({ config }) => Object.keys(config)),
  );
  const names = [...keys].map((key) => key.replaceAll('.', '\\.')).join('|');
  return { [`^(key|value|header)\\.converter\\.(${names})$`]: { type: ['string', 'number', 'boolean'] } };
}

function withNames(schema: JsonSchema, plugins: Plugins, type: Plugin['type']): JsonSchema {
  const known = plugins.list.filter((plugin) => plugin.type === type).map((plugin) => plugin.class);
  // Examples and no enum: a class of plugin.path, or under its Java name, is as good.
  return { ...schema, type: 'string', examples: [...new Set(known)] };
}

function classNames(classes: readonly ConnectorPlugin[]): JsonSchema[] {
  const own = classes.map((plugin) => plugin.class);
  return [{ enum: own }, { enum: classes.flatMap(namesOf).filter((name) => !own.includes(name)) }].filter(
    (each) => each.enum.length > 0,
  );
}

function namesOf(plugin: Plugin): string[] {
  return [plugin.class, ...(plugin.aliases ?? [])];
}

/** Every connector class once, in its newest version. */
function newestOf(plugins: Plugins): ConnectorPlugin[] {
  const classes = plugins.list.filter(
    (plugin): plugin is ConnectorPlugin => plugin.type === 'source' || plugin.type === 'sink',
  );
  return [...new Set(classes.map((plugin) => plugins.find(plugin.class, 'source', 'sink')!))];
}
