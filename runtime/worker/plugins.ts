/**
 * Finds a plugin by any name it answers to: its class, its aliases (Java class names), the simple class name, and the
 * name without the trailing kind word, as Kafka Connect's plugin aliases do.
 */
import { closest, type Plugin } from '../../connectors/api/index.ts';

import { compareVersions, parseVersionRange } from '../plugins/version-range.ts';
import { insteadOf } from './foreign-classes.ts';

export type PluginType = Plugin['type'];
type PluginOfType<T extends PluginType> = Extract<Plugin, { type: T }>;

/** What Kafka Connect cuts from a simple class name to make an alias. */
const kindWords: Record<PluginType, string> = {
  source: 'Connector',
  sink: 'Connector',
  transformation: 'Transformation',
  predicate: 'Predicate',
  converter: 'Converter',
  header_converter: 'HeaderConverter',
};

export class Plugins {
  #list: readonly Plugin[] = [];
  #failures: readonly string[] = [];
  #byName = new Map<string, Plugin[]>();

  constructor(list: readonly Plugin[], failures: readonly string[] = []) {
    this.replace(list, failures);
  }

  get list(): readonly Plugin[] {
    return this.#list;
  }

  /** Other plugins from now on; what runs keeps what it has. `failures` are sentences about modules that did not load. */
  replace(list: readonly Plugin[], failures: readonly string[] = []): void {
    this.#list = list;
    this.#failures = failures;
    this.#byName = new Map();
    // Full names first, so that a short form never hides somebody's real name.
    for (const plugin of list) for (const name of [plugin.class, ...(plugin.aliases ?? [])]) this.#add(name, plugin);
    for (const plugin of list) for (const name of shortNames(plugin)) this.#add(name, plugin);
  }

  /** The newest version. */
  find<T extends PluginType>(name: string, ...types: readonly T[]): PluginOfType<T> | undefined {
    return this.versions(name, ...types)[0];
  }

  /** All versions of the plugin that answers to a name, the newest first (KIP-891). */
  versions<T extends PluginType>(name: string, ...types: readonly T[]): PluginOfType<T>[] {
    const isWanted = (plugin: Plugin): plugin is PluginOfType<T> => (types as readonly string[]).includes(plugin.type);
    const wanted = (this.#byName.get(name) ?? []).filter(isWanted);
    const first = wanted[0];
    const same = wanted.filter((plugin) => plugin.class === first?.class && plugin.type === first.type);
    return same.sort((a, b) => compareVersions(b.version, a.version));
  }

  /** The newest version within a range (`*.plugin.version`), or a sentence about why there is none. */
  choose<T extends PluginType>(
    name: string,
    range: string | undefined,
    ...types: readonly T[]
  ): PluginOfType<T> | string {
    const versions = this.versions(name, ...types);
    if (versions.length === 0) return this.unknown(name, ...types);
    const isInRange = parseVersionRange(range ?? '');
    const found = isInRange === null ? undefined : versions.find(({ version }) => isInRange(version));
    if (found !== undefined) return found;
    const problem = isInRange === null ? 'is no version or range such as 1.2.0 or [1.0,2.0)' : 'matches none';
    return `The version "${range}" of ${versions[0]!.class} ${problem}. There is ${versions.map((each) => each.version).join(', ')}.`;
  }

  /** A plugin of any kind. */
  any(name: string): Plugin | undefined {
    const plugin = this.#byName.get(name)?.[0];
    return plugin === undefined ? undefined : this.find(name, plugin.type);
  }

  /** The names it is listed under: our own, and the Java classes it stands in for. */
  fullNames(plugin: Plugin): readonly string[] {
    return [plugin.class, ...(plugin.aliases ?? []).filter((alias) => alias.includes('.'))];
  }

  /** A sentence about a class that nobody is, with the nearest that somebody is. */
  unknown(name: string, ...types: readonly PluginType[]): string {
    const known = this.list.filter(({ type }) => types.length === 0 || types.includes(type));
    const names = known.flatMap((plugin) => [plugin.class, ...shortNames(plugin)]);
    const hint = closest(simpleName(name), names);
    // A class of another product is no misspelling of ours, however alike the names are.
    const isMisspelled = !name.includes('.') || (isInOurPackage(name, known) && !names.includes(simpleName(name)));
    const instead = insteadOf(name, (ours) => known.some((each) => each.class === ours));
    const guess = hint === null ? null : `Did you mean ${hint}?`;
    const list = `Known are: ${known.map((plugin) => plugin.class).join(', ')}.`;
    const isGuessBetter = isMisspelled && guess !== null && instead?.isVague !== false;
    const advice = (isGuessBetter ? guess : (instead?.advice ?? guess)) ?? list;
    return [`No plugin of class "${name}" is known. ${advice}`, ...this.#failures].join(' ');
  }

  #add(name: string, plugin: Plugin): void {
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, [plugin]);
    else if (!known.includes(plugin)) known.push(plugin);
  }
}

/** True where we stand in for a class of the same Java package. */
function isInOurPackage(name: string, known: readonly Plugin[]): boolean {
  const prefix = name.slice(0, name.lastIndexOf('.') + 1);
  const isBeside = (other: string) => other.startsWith(prefix) && !other.slice(prefix.length).includes('.');
  return known.some((plugin) => [plugin.class, ...(plugin.aliases ?? [])].some(isBeside));
}

function simpleName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function shortNames(plugin: Plugin): string[] {
  const simple = [plugin.class, ...(plugin.aliases ?? [])].map(simpleName);
  const word = kindWords[plugin.type];
  return [...simple, ...simple.filter((name) => name.endsWith(word)).map((name) => name.slice(0, -word.length))];
}
