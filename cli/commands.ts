/**
 * The list of commands: what each is called, what it does in a sentence, and where its code is.
 *
 * Nothing is loaded before it is asked for: `main.ts` imports the one module that a command line names.
 */
import type { Command } from 'commander';

/** What a command's file exports: `define` adds its arguments, options and action. */
export interface CommandModule {
  define(command: Command): void;
}

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  /** Outlives the reader of its output: a closed pipe does not end it. */
  readonly isServer?: boolean;
}

/** Key: the words of the command. Order is the order of `--help`. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  up: { summary: 'Start broker, registry, worker and console', load: () => import('./up.ts'), isServer: true },
  lint: { summary: 'Judge connector files, without a running worker', load: () => import('./lint.ts') },
  worker: { summary: 'Start a worker alone, on any Kafka cluster', load: () => import('./worker.ts'), isServer: true },
  check: { summary: 'Let connectors look at what they would meet', load: () => import('./check.ts') },
  preview: { summary: 'Show what a connector would make of real records', load: () => import('./preview.ts') },
  diff: { summary: 'Show what `apply` would do, and to which data', load: () => import('./diff.ts') },
  apply: { summary: 'Make a worker run what connector files say', load: () => import('./apply.ts') },
  test: { summary: 'Run the tests beside connector files', load: () => import('./test.ts') },
  produce: { summary: 'Write records to a topic', load: () => import('./produce.ts') },
  consume: { summary: 'Read records from a topic', load: () => import('./consume.ts') },
  'topic ls': { summary: 'List topics', load: () => import('./topic-ls.ts') },
  'topic create': { summary: 'Create a topic', load: () => import('./topic-create.ts') },
  'topic describe': { summary: "Show a topic's partitions and offsets", load: () => import('./topic-describe.ts') },
  'topic rm': { summary: 'Delete topics', load: () => import('./topic-rm.ts') },
  'log verify': { summary: "Read a log's files and name every fault", load: () => import('./log-verify.ts') },
  'log dump': { summary: "Print the records in a log's files", load: () => import('./log-dump.ts') },
  'log inspect': { summary: "Summarise a log's segments", load: () => import('./log-inspect.ts') },
  'log import': { summary: "Take over a Kafka broker's data directory", load: () => import('./log-import.ts') },
  'file verify': {
    summary: 'Prove what a file sink wrote: no gap, no overlap',
    load: () => import('./file-verify.ts'),
  },
  'user ls': { summary: 'List users who can log in', load: () => import('./user-ls.ts') },
  'user add': { summary: 'Give a user a password', load: () => import('./user-add.ts') },
  'user rm': { summary: 'Take away what users log in with', load: () => import('./user-rm.ts') },
  'acl ls': { summary: 'List who may do what', load: () => import('./acl-ls.ts') },
  'acl add': { summary: 'Allow or deny something', load: () => import('./acl-add.ts') },
  'acl rm': { summary: 'Take ACLs away', load: () => import('./acl-rm.ts') },
  'connector ls': { summary: 'List connectors with their state', load: () => import('./connector-ls.ts') },
  'connector get': { summary: "Print a connector's configuration", load: () => import('./connector-get.ts') },
  'connector apply': {
    summary: 'Another name of `apply`',
    load: () => import('./apply.ts'),
  },
  'connector schema': {
    summary: 'Print the JSON Schema of connector files, for editors',
    load: () => import('./connector-schema.ts'),
  },
  'connector status': { summary: "Show a connector's tasks", load: () => import('./connector-status.ts') },
  'connector pause': { summary: 'Pause a connector', load: () => import('./connector-pause.ts') },
  'connector resume': { summary: 'Resume a connector', load: () => import('./connector-resume.ts') },
  'connector restart': { summary: 'Restart a connector and its tasks', load: () => import('./connector-restart.ts') },
  'connector rm': { summary: 'Delete connectors', load: () => import('./connector-rm.ts') },
  'sim fleet': {
    summary: 'Let a simulated fleet report over MQTT, to a topic or to stdout',
    load: () => import('./sim-fleet.ts'),
  },
  'sim verify': { summary: 'Find every gap, duplicate and disorder of a fleet', load: () => import('./sim-verify.ts') },
  'plugin ls': { summary: 'List plugins, with what could not be loaded', load: () => import('./plugin-ls.ts') },
  'plugin docs': { summary: "Print a plugin's keys as Markdown", load: () => import('./plugin-docs.ts') },
  'plugin init': { summary: 'Begin a plugin of your own', load: () => import('./plugin-init.ts') },
  'plugin test': { summary: "Run a plugin's tests", load: () => import('./plugin-test.ts') },
  'plugin dev': {
    summary: 'Run everything with a plugin that is loaded anew when it changes',
    load: () => import('./plugin-dev.ts'),
    isServer: true,
  },
  'dlq ls': { summary: 'List dead letters by cause', load: () => import('./dlq-ls.ts') },
  'dlq show': { summary: 'Show dead letters', load: () => import('./dlq-show.ts') },
  'dlq replay': { summary: 'Correct dead letters and send them back', load: () => import('./dlq-replay.ts') },
  'secret set': { summary: 'Keep values in the log, encrypted', load: () => import('./secret-set.ts') },
  'secret ls': { summary: 'List secrets, without their values', load: () => import('./secret-ls.ts') },
  'secret rm': { summary: 'Delete secrets', load: () => import('./secret-rm.ts') },
  'secret rotate': { summary: 'Encrypt all secrets with the newest key', load: () => import('./secret-rotate.ts') },
  'import connect': {
    summary: "Take over a Kafka Connect cluster's connectors with their offsets",
    load: () => import('./import-connect.ts'),
  },
  'schema ls': { summary: 'List subjects', load: () => import('./schema-ls.ts') },
  'schema get': { summary: 'Print a registered schema', load: () => import('./schema-get.ts') },
  'schema register': { summary: 'Register a schema under a subject', load: () => import('./schema-register.ts') },
  'schema check': {
    summary: 'Ask whether a schema may follow, and whether real records fit it',
    load: () => import('./schema-check.ts'),
  },
  'schema usage': { summary: 'Show who uses a schema', load: () => import('./schema-usage.ts') },
  'schema rm': { summary: 'Delete a subject or version that nobody uses', load: () => import('./schema-rm.ts') },
  'schema diff': { summary: 'Show what a change of schema breaks', load: () => import('./schema-diff.ts') },
  'schema infer': { summary: 'Make a schema from real records', load: () => import('./schema-infer.ts') },
  'schema types': {
    summary: 'Write TypeScript types, producers and consumers for schemas',
    load: () => import('./schema-types.ts'),
  },
  'schema lint': { summary: 'Find what a schema will be sorry for', load: () => import('./schema-lint.ts') },
};

/** The nouns that group commands, with their own sentence. */
export const groups: Readonly<Record<string, string>> = {
  topic: 'Topics of the log',
  log: "The log's files, without a broker",
  file: 'What file sinks wrote',
  user: 'Users of the broker',
  acl: 'Access to the broker, by ACLs',
  connector: 'Connectors of the worker',
  plugin: 'Plugins of your own and of others',
  dlq: 'Dead letters of connectors',
  schema: 'Schemas of the registry',
  secret: 'Secrets of connectors, encrypted in the log',
  import: 'What other systems have',
  sim: 'A simulated fleet, and its judge',
};

/** kubectl's and Kafka's words for the same things. */
export const aliases: Readonly<Record<string, string>> = {
  topics: 'topic',
  users: 'user',
  acls: 'acl',
  connectors: 'connector',
  schemas: 'schema',
  plugins: 'plugin',
  list: 'ls',
  delete: 'rm',
};
