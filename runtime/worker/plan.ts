/**
 * Reads one flat connector config into what the worker needs: the plugin, its parsed config, the transform chain, the
 * converters; and every problem on the way. Pure: no plugin is created, nothing is connected.
 *
 * One flat map is shared by many declarations, each under its prefix (`transforms.a.`, `value.converter.`). The same
 * plan answers `validate`, guards `create`, and builds the tasks.
 */
import {
  type Config,
  type ConfigDef,
  type ConfigProblem,
  closest,
  javaRegex,
  javaRegexProblem,
  type Plugin,
  type PredicatePlugin,
  parseConfig,
  type SinkConnectorPlugin,
  type SourceConnectorPlugin,
  type TransformPlugin,
  unknownKeys,
} from '../../connectors/api/index.ts';
import { type JudgedOverrides, judgeOverrides } from './client-overrides.ts';
import { type Stray, strayKey } from './foreign-keys.ts';
import { atLeastOnce, exactlyOnceOf } from './guarantee.ts';
import { connectorKeys, predicateKeys, sinkKeys, sourceKeys, transformKeys, withPrefix } from './keys.ts';
import type { Plugins, PluginType } from './plugins.ts';
import { topicGroupProblems } from './topic-groups.ts';

export type Raw = Readonly<Record<string, string>>;

export interface PluginConfig<P extends Plugin> {
  readonly plugin: P;
  readonly config: Config;
}

/** A transform or predicate under the name that the config gives it. */
export interface Aliased<P extends Plugin> extends PluginConfig<P> {
  readonly alias: string;
}

export interface TransformStep extends Aliased<TransformPlugin> {
  readonly predicate: Aliased<PredicatePlugin> | null;
  readonly negate: boolean;
}

export interface ConverterPlan<T extends 'converter' | 'header_converter'>
  extends PluginConfig<Extract<Plugin, { type: T }>> {}

/** What a connector is to become. Only complete when there are no problems. */
export interface ConnectorPlan {
  readonly name: string;
  readonly plugin: SourceConnectorPlugin | SinkConnectorPlugin;
  /** The plugin's own keys. */
  readonly config: Config;
  /** The runtime's keys: errors.*, tasks.max, topics, … */
  readonly settings: Config;
  readonly transforms: readonly TransformStep[];
  readonly key: ConverterPlan<'converter'>;
  readonly value: ConverterPlan<'converter'>;
  readonly header: ConverterPlan<'header_converter'>;
  /** A source whose records and offsets go in one transaction (KIP-618). */
  readonly isExactlyOnce: boolean;
}

/** One declaration with the prefix its keys have in the flat map. */
export interface Section {
  readonly prefix: string;
  readonly def: ConfigDef;
  readonly group: string;
}

/** A problem that two keys have together is said once, and shown at both where keys are listed. */
export interface PlannedProblem extends ConfigProblem {
  readonly alsoAt?: string;
}

export interface Planned {
  /** Null when no plugin was found for `connector.class`. */
  readonly plan: ConnectorPlan | null;
  readonly sections: readonly Section[];
  readonly problems: readonly PlannedProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** `raw` is resolved; `worker` holds the worker's converter keys. */
export function planConnector(plugins: Plugins, raw: Raw, worker: Raw): Planned {
  return new Planner(plugins, raw, worker).plan();
}

class Planner {
  readonly #plugins: Plugins;
  readonly #raw: Raw;
  readonly #worker: Raw;
  readonly #problems: PlannedProblem[] = [];
  readonly #sections: Section[] = [];
  /** Whose class nobody is: what their keys would mean cannot be said. */
  readonly #nameless: string[] = [];

  constructor(plugins: Plugins, raw: Raw, worker: Raw) {
    this.#plugins = plugins;
    this.#raw = raw;
    this.#worker = worker;
  }

  plan(): Planned {
    const plugin = this.#connectorPlugin();
    const kindKeys = plugin?.type === 'sink' ? sinkKeys : sourceKeys;
    const settings = this.#parse('', { ...connectorKeys, ...kindKeys }, 'Common');
    const config = this.#parse('', this.#ownKeys(plugin), 'Connector');
    if (plugin?.type === 'sink') {
      this.#checkTopics(settings);
      this.#checkGroup(settings);
    }
    const guarantee =
      plugin?.type === 'source' ? exactlyOnceOf(plugin, config, settings, this.#raw, this.#worker) : atLeastOnce;
    const groupProblems = plugin?.type === 'source' ? topicGroupProblems(settings) : [];
    const overrides = judgeOverrides(this.#raw, this.#worker);
    const found = [...guarantee.problems, ...groupProblems, ...overrides.problems];
    for (const { key, message } of found) this.#problem(key, message);
    const predicates = this.#predicates(this.#once('predicates', settings));
    const transforms = this.#transforms(this.#once('transforms', settings), predicates);
    const key = this.#converter('key.converter', 'converter');
    const value = this.#converter('value.converter', 'converter');
    const header = this.#converter('header.converter', 'header_converter');
    const isComplete = plugin !== undefined && transforms !== null && key !== null && value !== null && header !== null;
    const name = settings.optionalString('name') ?? '';
    const { isExactlyOnce } = guarantee;
    return {
      plan: isComplete ? { name, plugin, config, settings, transforms, key, value, header, isExactlyOnce } : null,
      sections: this.#sections,
      problems: this.#problems,
      warnings: [
        ...guarantee.warnings,
        ...overrides.warnings,
        ...this.#judgeUnknownKeys(settings, plugin !== undefined, overrides),
      ],
    };
  }

  #connectorPlugin(): SourceConnectorPlugin | SinkConnectorPlugin | undefined {
    const name = this.#raw['connector.class'];
    if (name === undefined || name.trim() === '') return undefined;
    const plugin = this.#plugins.choose(name.trim(), this.#raw['connector.plugin.version'], 'source', 'sink');
    return typeof plugin === 'string' ? this.#missing('connector', 'connector.class', plugin) : plugin;
  }

  /** A plugin may repeat a key of the runtime (`topics`); the runtime's declaration wins in what is shown. */
  #ownKeys(plugin: Plugin | undefined): ConfigDef {
    return plugin?.config ?? {};
  }

  #parse(prefix: string, def: ConfigDef, group: string, raw: Raw = this.#raw): Config {
    const { config, problems } = parseConfig(def, prefix === '' ? raw : under(raw, prefix));
    this.#sections.push({ prefix, def, group });
    for (const problem of problems) {
      const message =
        prefix === '' ? problem.message : problem.message.replace(`"${problem.key}"`, `"${prefix}${problem.key}"`);
      if (!this.#problems.some((known) => known.key === prefix + problem.key)) {
        this.#problems.push({ ...problem, key: prefix + problem.key, message });
      }
    }
    return config;
  }

  /** The names in a list; one that stands there twice is a problem, once. */
  #once(key: 'transforms' | 'predicates', settings: Config): readonly string[] {
    const names = settings.list(key);
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    for (const name of twice) {
      this.#problem(key, `"${name}" is listed twice in "${key}". Give each use a name of its own.`);
    }
    return [...new Set(names)];
  }

  #predicates(aliases: readonly string[]): Map<string, Aliased<PredicatePlugin> | null> {
    return new Map(aliases.map((alias) => [alias, this.#inChain('predicates', alias, 'predicate', predicateKeys)]));
  }

  #transforms(
    aliases: readonly string[],
    predicates: ReadonlyMap<string, Aliased<PredicatePlugin> | null>,
  ): TransformStep[] | null {
    const steps: TransformStep[] = [];
    for (const alias of aliases) {
      const prefix = `transforms.${alias}.`;
      const step = this.#inChain('transforms', alias, 'transformation', transformKeys);
      const name = this.#raw[`${prefix}predicate`];
      const predicate = name === undefined ? null : predicates.get(name);
      if (predicate === undefined) this.#undefinedPredicate(prefix, name!, [...predicates.keys()]);
      const negate = this.#raw[`${prefix}negate`]?.trim().toLowerCase() === 'true';
      if (negate && name === undefined) {
        this.#problem(
          `${prefix}negate`,
          `"${prefix}negate" has nothing to negate. Set "${prefix}predicate", or remove it.`,
        );
      }
      if (step !== null && predicate !== undefined) steps.push({ ...step, predicate, negate });
    }
    return steps.length === aliases.length ? steps : null;
  }

  #undefinedPredicate(prefix: string, name: string, known: readonly string[]): void {
    const hint = closest(name, known);
    const advice = hint === null ? 'List it under predicates and give it a type.' : `Did you mean "${hint}"?`;
    this.#problem(`${prefix}predicate`, `The predicate "${name}" of "${prefix}predicate" is not defined. ${advice}`);
  }

  #inChain<T extends 'transformation' | 'predicate'>(
    list: 'transforms' | 'predicates',
    alias: string,
    type: T,
    keys: ConfigDef,
  ): Aliased<Extract<Plugin, { type: T }>> | null {
    const prefix = `${list}.${alias}.`;
    this.#parse(prefix, keys, 'Transforms');
    const name = this.#raw[`${prefix}type`];
    if (name === undefined || name.trim() === '') return null;
    const plugin = this.#choose(name.trim(), this.#raw[`${prefix}plugin.version`], type);
    if (typeof plugin === 'string') {
      this.#missing(prefix.slice(0, -1), `${prefix}type`, plugin);
      return null;
    }
    return { alias, plugin, config: this.#parse(prefix, (plugin as Plugin).config, 'Transforms') };
  }

  /** A connector that names a converter brings its keys along; else class and keys are the worker's. */
  #converter<T extends 'converter' | 'header_converter'>(key: string, type: T): ConverterPlan<T> | null {
    const isOwn = this.#raw[key] !== undefined;
    const raw = isOwn ? this.#raw : this.#worker;
    const name = raw[key]?.trim() ?? '';
    const plugin = this.#choose(name, raw[`${key}.plugin.version`], type);
    if (typeof plugin === 'string') {
      this.#missing(key, key, plugin);
      return null;
    }
    const config = this.#parse(`${key}.`, (plugin as Plugin).config, 'Converters', raw);
    return { plugin, config };
  }

  #choose<T extends PluginType>(
    name: string,
    range: string | undefined,
    type: T,
  ): Extract<Plugin, { type: T }> | string {
    return this.#plugins.choose(name, range, type) as Extract<Plugin, { type: T }> | string;
  }

  /** A class that nobody is, or none in the version asked for: the key at fault gets the sentence. */
  #missing(what: string, classKey: string, message: string): undefined {
    const isVersion = message.startsWith('The version');
    this.#problem(isVersion ? `${what}.plugin.version` : classKey, message);
    this.#nameless.push(`${what}.`);
  }

  #checkTopics(settings: Config): void {
    const topics = settings.list('topics');
    // As written: a pattern that is none was given all the same.
    const regex = this.#raw['topics.regex']?.trim() ?? '';
    if (topics.length > 0 === (regex !== '')) {
      const message =
        regex === '' ? 'A sink needs "topics" or "topics.regex".' : 'Give either "topics" or "topics.regex", not both.';
      this.#problems.push({ key: 'topics', value: this.#raw.topics ?? null, message, alsoAt: 'topics.regex' });
    }
    const queue = settings.string('errors.deadletterqueue.topic.name');
    const isPattern = regex !== '' && javaRegexProblem(regex) === null;
    const isInput = topics.includes(queue) || (queue !== '' && isPattern && javaRegex(regex).test(queue));
    if (isInput) {
      const key = 'errors.deadletterqueue.topic.name';
      this.#problem(
        key,
        `The dead letter queue "${queue}" is also an input of this sink: bad records would come back.`,
      );
    }
  }

  /** A sink in the group of the workers would be taken for one of them. */
  #checkGroup(settings: Config): void {
    const key = 'consumer.override.group.id';
    const own = this.#raw[key]?.trim();
    const name = settings.optionalString('name');
    const group = this.#worker['group.id']?.trim();
    if (group === undefined || (own ?? `connect-${name}`) !== group) return;
    const change = own === undefined ? 'Rename the connector' : `Change "${key}"`;
    this.#problem(
      own === undefined ? 'name' : key,
      `The consumer group "${group}" of this sink is the group.id of its worker. ${change}.`,
    );
  }

  #judgeUnknownKeys(settings: Config, isPluginKnown: boolean, overrides: JudgedOverrides): ConfigProblem[] {
    const policy = settings.optionalString('config.unknown.keys') ?? 'refuse';
    if (policy === 'ignore' || !isPluginKnown) return [];
    const declared = this.#sections.map(({ prefix, def }) => withPrefix(def, prefix));
    const strays: ConfigProblem[] = [];
    const unknown: ConfigProblem[] = [...overrides.unknown];
    for (const problem of unknownKeys(declared, this.#raw)) {
      if (this.#nameless.some((prefix) => problem.key.startsWith(prefix))) continue;
      const stray = this.#ofAnotherConverter(problem.key) ?? strayKey(problem.key, this.#className(), this.#raw);
      if (stray === null) unknown.push(problem);
      else (stray.isHarmless ? strays : unknown).push({ ...problem, message: stray.message });
    }
    if (policy === 'warn') return [...strays, ...unknown];
    for (const problem of unknown) {
      if (problem.message.includes('Did you mean')) this.#problems.push(problem);
      else this.#problems.push({ ...problem, message: `${problem.message} (config.unknown.keys=warn lets it pass.)` });
    }
    return strays;
  }

  #className(): string {
    return this.#raw['connector.class']?.trim() ?? '';
  }

  /** Whoever changes a converter often leaves the keys of the last one: they mean nothing, and are no misspelling. */
  #ofAnotherConverter(key: string): Stray | null {
    const [, own] = /^(?:key|value|header)\.converter\.(.+)$/.exec(key) ?? [];
    if (own === undefined) return null;
    const other = this.#plugins.list.find(({ type, config }) => type.endsWith('converter') && own in config);
    if (other === undefined) return null;
    return { message: `"${key}" has no effect: it is a key of ${other.class}.`, isHarmless: true };
  }

  #problem(key: string, message: string): void {
    this.#problems.push({ key, value: this.#raw[key] ?? null, message });
  }
}

/** The keys below a prefix, without it. */
export function under(raw: Raw, prefix: string): Raw {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(raw)) if (key.startsWith(prefix)) found[key.slice(prefix.length)] = value;
  return found;
}
