/**
 * Finds a plugin by any name it answers to: its class, its aliases (Java class names), the simple class name, and the
 * name without the trailing kind word, as Kafka Connect's plugin aliases do.
 */

import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConnectError, closest, type Plugin } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';

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
  readonly list: readonly Plugin[];
  readonly #byName = new Map<string, Plugin[]>();

  constructor(list: readonly Plugin[]) {
    this.list = list;
    // Full names first, so that a short form never hides somebody's real name.
    for (const plugin of list) for (const name of [plugin.class, ...(plugin.aliases ?? [])]) this.#add(name, plugin);
    for (const plugin of list) for (const name of shortNames(plugin)) this.#add(name, plugin);
  }

  find<T extends PluginType>(name: string, ...types: readonly T[]): PluginOfType<T> | undefined {
    const isWanted = (plugin: Plugin): plugin is PluginOfType<T> => (types as readonly string[]).includes(plugin.type);
    return this.#byName.get(name)?.find(isWanted);
  }

  /** A plugin of any kind. */
  any(name: string): Plugin | undefined {
    return this.#byName.get(name)?.[0];
  }

  /** A sentence about a class that nobody is, with the nearest that somebody is. */
  unknown(name: string, ...types: readonly PluginType[]): string {
    const known = this.list.filter(({ type }) => types.length === 0 || types.includes(type));
    const hint = closest(
      simpleName(name),
      known.flatMap((plugin) => [plugin.class, ...shortNames(plugin)]),
    );
    const advice =
      hint === null ? `Known are: ${known.map((plugin) => plugin.class).join(', ')}.` : `Did you mean ${hint}?`;
    return `No plugin of class "${name}" is known. ${advice}`;
  }

  #add(name: string, plugin: Plugin): void {
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, [plugin]);
    else if (!known.includes(plugin)) known.push(plugin);
  }
}

function simpleName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function shortNames(plugin: Plugin): string[] {
  const simple = [plugin.class, ...(plugin.aliases ?? [])].map(simpleName);
  const word = kindWords[plugin.type];
  return [...simple, ...simple.filter((name) => name.endsWith(word)).map((name) => name.slice(0, -word.length))];
}

/** Imports the modules of `plugin.path`: files, or npm packages seen from the working directory. */
export async function loadPlugins(path: readonly string[]): Promise<Plugin[]> {
  const loaded: Plugin[] = [];
  for (const entry of path) {
    const isFile = isAbsolute(entry) || entry.startsWith('.');
    const specifier = isFile ? pathToFileURL(resolve(entry)).href : entry;
    try {
      const module: { plugins?: unknown } = await import(specifier);
      if (!Array.isArray(module.plugins)) throw new Error('It exports no array named `plugins`.');
      loaded.push(...(module.plugins as Plugin[]));
    } catch (cause) {
      const message = `The plugin module "${entry}" of plugin.path could not be loaded: ${messageOf(cause)}`;
      throw new ConnectError(message, { code: 'PLUGIN_LOAD_FAILED', cause });
    }
  }
  return loaded;
}
