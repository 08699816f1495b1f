/**
 * Kafka Connect's JSON for configs: ConfigKeyInfo, ConfigValueInfo, ConfigInfos, as `validate` and
 * `/connector-plugins/{p}/config` answer them.
 */
import type { ConfigDef, ConfigKey, ConfigProblem, Plugin } from '../../connectors/api/index.ts';
import { type Presentation, presentationOf } from './key-presentation.ts';
import { connectorKeys, sinkKeys, sourceKeys } from './keys.ts';
import type { Raw, Section } from './plan.ts';
import type { Plugins, PluginType } from './plugins.ts';

export interface ConfigKeyInfo {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default_value: string | null;
  readonly importance: string;
  readonly documentation: string;
  readonly group: string | null;
  readonly order_in_group: number;
  readonly width: string;
  readonly display_name: string;
  readonly dependents: readonly string[];
}

export interface ConfigValueInfo {
  readonly name: string;
  readonly value: string | null;
  readonly recommended_values: readonly string[];
  readonly errors: readonly string[];
  readonly visible: boolean;
}

export interface ConfigInfos {
  readonly name: string;
  readonly error_count: number;
  readonly groups: readonly string[];
  readonly configs: readonly { readonly definition: ConfigKeyInfo; readonly value: ConfigValueInfo }[];
}

/** What the worker has to say about a config beyond the declarations. */
export interface Surroundings {
  readonly plugins: Plugins;
  /** The worker's own config: its converters are the defaults of every connector. */
  readonly worker: Raw;
}

/** The keys of a plugin, as it declares them. */
export function keyInfos(def: ConfigDef, prefix = ''): ConfigKeyInfo[] {
  const inGroups = new Map<string, number>();
  return declared(def).map(([name, key]) => {
    const group = key.group ?? null;
    const order = group === null ? -1 : (inGroups.get(group) ?? 0);
    if (group !== null) inGroups.set(group, order + 1);
    const isPlain = group === null && key.displayName === undefined;
    return {
      ...keyInfo(prefix + name, key),
      group,
      order_in_group: order,
      width: isPlain ? 'NONE' : 'MEDIUM',
      display_name: key.displayName ?? name,
    };
  });
}

/** The keys of a connector: those of the runtime, then its own. */
export function connectorKeyInfos(plugin: Plugin, { plugins, worker }: Surroundings): ConfigKeyInfo[] {
  const ofKind = plugin.type === 'sink' ? sinkKeys : sourceKeys;
  const raw = { 'connector.class': plugin.class };
  const own = keyInfos(plugin.config);
  const ofRuntime = runtimeInfos({ ...connectorKeys, ...ofKind }, raw, { plugins, worker });
  return [...ofRuntime.filter(({ name }) => !(name in plugin.config)), ...own];
}

function runtimeInfos(def: ConfigDef, raw: Raw, { plugins, worker }: Surroundings): ConfigKeyInfo[] {
  return declared(def).map(([name, key], index) => {
    const { type } = presentationOf(name, index);
    const info = presented(keyInfo(name, key), presentationOf(name, index));
    const [newest] = versionsOf(name, raw, { plugins, worker });
    const fallback = name.endsWith('.converter') ? (worker[name] ?? null) : (newest ?? info.default_value);
    return { ...info, ...(type === undefined ? {} : { type }), default_value: fallback };
  });
}

/** `transforms.<alias>.` and `predicates.<alias>.`: type and version first, the others by name, as Kafka Connect. */
function chainInfos(def: ConfigDef, prefix: string, raw: Raw, surroundings: Surroundings): ConfigKeyInfo[] {
  const [family, alias] = prefix.split('.') as [string, string];
  const kind = family === 'transforms' ? 'Transformation' : 'Predicate';
  const group = `${family === 'transforms' ? 'Transforms' : 'Predicates'}: ${alias}`;
  const first = ['type', 'plugin.version'];
  const others = declared(def).filter(([name]) => !first.includes(name));
  const sorted = [...first.map((name) => [name, def[name]!] as const), ...others.sort(([a], [b]) => (a < b ? -1 : 1))];
  return sorted.map(([name, key], order) => {
    const title =
      name === 'type' ? `${kind} type for ${alias}` : name === first[1] ? `${kind} version for ${alias}` : name;
    const isOwn = order > 1;
    const info = presented(keyInfo(prefix + name, key), { group, order, width: isOwn ? 'NONE' : 'LONG', title });
    if (name !== 'plugin.version') return info;
    return { ...info, importance: 'HIGH', default_value: versionsOf(prefix + name, raw, surroundings)[0] ?? null };
  });
}

function presented(info: ConfigKeyInfo, { group, order, width, title }: Presentation): ConfigKeyInfo {
  return { ...info, group, order_in_group: order, width, display_name: title };
}

function declared(def: ConfigDef): [string, ConfigKey][] {
  return Object.entries(def).filter(([name]) => !name.endsWith('.*'));
}

function keyInfo(name: string, key: ConfigKey): ConfigKeyInfo {
  return {
    name,
    type: key.type.toUpperCase(),
    required: key.default === undefined,
    default_value: defaultText(key),
    importance: (key.importance ?? 'low').toUpperCase(),
    documentation: key.doc,
    group: null,
    order_in_group: -1,
    width: 'NONE',
    display_name: name,
    dependents: [],
  };
}

function defaultText(key: ConfigKey): string | null {
  if (key.default == null) return null;
  if (key.type === 'password') return '[hidden]';
  return Array.isArray(key.default) ? key.default.join(',') : String(key.default);
}

/** `raw` is shown as the user wrote it, secrets hidden. Problems of undeclared keys get an entry of their own. */
export function configInfos(
  name: string,
  sections: readonly Section[],
  raw: Raw,
  problems: readonly ConfigProblem[],
  surroundings: Surroundings,
): ConfigInfos {
  const configs = new Map<string, ConfigInfos['configs'][number]>();
  for (const { prefix, def, group } of mergedByPrefix(sections, raw)) {
    for (const definition of sectionInfos(prefix, def, group, raw, surroundings)) {
      if (configs.has(definition.name)) continue;
      const key = def[definition.name.slice(prefix.length)]!;
      configs.set(definition.name, { definition, value: valueInfo(definition, key, raw, problems, surroundings) });
    }
  }
  for (const { key } of problems) {
    if (configs.has(key)) continue;
    const undeclared: ConfigKey = { type: 'string', default: null, doc: '' };
    const definition = keyInfo(key, undeclared);
    configs.set(key, { definition, value: valueInfo(definition, undeclared, raw, problems, surroundings) });
  }
  const shown = [...configs.values()];
  const groups = new Set(shown.flatMap(({ definition: { group } }) => (group === null ? [] : [group])));
  return { name, error_count: problems.length, groups: [...groups], configs: shown };
}

/** The two declarations of one prefix (the chain's keys and the plugin's) as one; the worker's own converters are left out. */
function mergedByPrefix(sections: readonly Section[], raw: Raw): Section[] {
  const merged = new Map<string, Section>();
  for (const section of sections) {
    const { prefix, def } = section;
    const isWorkers = /\.converter\.$/.test(prefix) && raw[prefix.slice(0, -1)] === undefined;
    if (isWorkers) continue;
    const known = merged.get(prefix === '' ? section.group : prefix);
    merged.set(prefix === '' ? section.group : prefix, { ...section, def: { ...def, ...known?.def } });
  }
  return [...merged.values()];
}

function sectionInfos(prefix: string, def: ConfigDef, group: string, raw: Raw, surroundings: Surroundings) {
  if (group === 'Common') return runtimeInfos(def, raw, surroundings);
  const isInChain = prefix.startsWith('transforms.') || prefix.startsWith('predicates.');
  return isInChain ? chainInfos(def, prefix, raw, surroundings) : keyInfos(def, prefix);
}

function valueInfo(
  { name, default_value }: ConfigKeyInfo,
  key: ConfigKey,
  raw: Raw,
  problems: readonly ConfigProblem[],
  surroundings: Surroundings,
): ConfigValueInfo {
  const { plugins } = surroundings;
  const given = raw[name];
  const versions = versionsOf(name, raw, surroundings);
  const classes = classTypes(name);
  const choices = classes === null ? (key.oneOf ?? []) : plugins.list.filter(({ type }) => type === classes);
  return {
    name,
    value: given === undefined ? default_value : key.type === 'password' ? '[hidden]' : given,
    recommended_values:
      versions.length > 0
        ? versions
        : choices.flatMap((each) => (typeof each === 'string' ? each : plugins.fullNames(each))),
    errors: problems.filter((problem) => problem.key === name).map(({ message }) => message),
    // A converter's version is chosen for a class that is known.
    visible: !name.endsWith('converter.plugin.version') || versions.length > 0,
  };
}

/** The kind of plugin whose class a key holds, where a choice is offered. */
function classTypes(key: string): PluginType | null {
  if (key === 'header.converter') return 'header_converter';
  if (key === 'key.converter' || key === 'value.converter') return 'converter';
  if (/^transforms\.[^.]+\.type$/.test(key)) return 'transformation';
  return /^predicates\.[^.]+\.type$/.test(key) ? 'predicate' : null;
}

/** What a `….plugin.version` key chooses among: the versions of the plugin, the newest first (KIP-891). */
function versionsOf(key: string, raw: Raw, { plugins, worker }: Surroundings): readonly string[] {
  const [, owner] = /^(.+)\.plugin\.version$/.exec(key) ?? [];
  if (owner === undefined) return [];
  const holder = owner === 'connector' ? 'connector.class' : owner.endsWith('.converter') ? owner : `${owner}.type`;
  const name = raw[holder] ?? worker[holder] ?? '';
  const type = plugins.any(name)?.type;
  return type === undefined ? [] : plugins.versions(name, type).map(({ version }) => version);
}
