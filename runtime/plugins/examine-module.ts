/**
 * What a module must export to be one with plugins; used in the thread that tries it out and in the house.
 */
import type { Plugin } from '../../connectors/api/index.ts';

const types: readonly string[] = [
  'source',
  'sink',
  'transformation',
  'predicate',
  'converter',
  'header_converter',
] satisfies Plugin['type'][];

/** The plugins of a module's exports (`plugins`, `plugin` or the default export). Throws a sentence. */
export function pluginsOf(module: Readonly<Record<string, unknown>>): Plugin[] {
  const exported = module.plugins ?? module.plugin ?? module.default;
  const list = Array.isArray(exported) ? (exported as unknown[]) : [exported];
  if (exported === undefined || list.length === 0) {
    throw new Error('It exports no plugins. Write: export const plugins: Plugin[] = [ … ].');
  }
  return list.map((each, index) => examined(each, `plugins[${index}]`));
}

function examined(value: unknown, where: string): Plugin {
  if (typeof value !== 'object' || value === null) throw new Error(`${where} is no plugin but ${typeof value}.`);
  const plugin = value as Readonly<Record<string, unknown>>;
  const name = typeof plugin.class === 'string' && plugin.class !== '' ? plugin.class : null;
  if (name === null) throw new Error(`${where} has no "class": the name that users write in connector.class.`);
  if (!types.includes(String(plugin.type))) {
    throw new Error(`${name} has the type ${JSON.stringify(plugin.type)}; it must be one of ${types.join(', ')}.`);
  }
  if (typeof plugin.version !== 'string') throw new Error(`${name} has no "version", such as "1.0.0".`);
  if (typeof plugin.create !== 'function') throw new Error(`${name} has no function "create" that makes an instance.`);
  const { config } = plugin;
  if (typeof config !== 'object' || config === null)
    throw new Error(`${name} has no "config": the keys it takes, or {}.`);
  for (const [key, declared] of Object.entries(config as Record<string, { type?: unknown; doc?: unknown } | null>)) {
    if (typeof declared?.type === 'string' && typeof declared.doc === 'string') continue;
    throw new Error(`${name} declares the key "${key}" without a "type" or a "doc".`);
  }
  return value as Plugin;
}
