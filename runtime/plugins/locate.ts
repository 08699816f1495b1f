/**
 * From the entries of `plugin.path` to the modules behind them. Reads folders and package.json files, imports nothing.
 *
 * An entry is a module (.js, .mjs, .ts), a package folder, a folder of these, or the name of an npm package as seen from
 * the working directory.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, isAbsolute, join, resolve } from 'node:path';

/** A module that should hold plugins. */
export interface PluginModule {
  /** As it stands in `plugin.path`, or the file below it. */
  readonly entry: string;
  /** The file to import. */
  readonly file: string;
  /** The folder of its package, or the file itself: code below it is this plugin's. */
  readonly root: string;
}

/** An entry that leads nowhere. */
export interface LostEntry {
  readonly entry: string;
  readonly problem: string;
}

const moduleTypes = ['.js', '.mjs', '.ts', '.mts'];

/** Finds the modules of one entry. */
export function locate(entry: string, folder = process.cwd()): { modules: PluginModule[]; lost: LostEntry[] } {
  try {
    const isPath = isAbsolute(entry) || entry.startsWith('.') || existsSync(resolve(folder, entry));
    return { modules: isPath ? atPath(entry, resolve(folder, entry)) : [npmPackage(entry, folder)], lost: [] };
  } catch (error) {
    return { modules: [], lost: [{ entry, problem: error instanceof Error ? error.message : String(error) }] };
  }
}

function atPath(entry: string, path: string): PluginModule[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`There is no file or folder ${path}.`);
  if (!stat.isDirectory()) {
    if (moduleTypes.includes(extname(path))) return [{ entry, file: path, root: path }];
    throw new Error(`${path} is no module: its name ends in none of ${moduleTypes.join(', ')}.`);
  }
  if (existsSync(join(path, 'package.json'))) return [{ entry, file: mainOf(path), root: path }];
  const inside = readdirSync(path, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  const files = inside.filter((each) => !each.isDirectory() && isPluginFile(each.name));
  const packages = inside.filter(({ name }) => existsSync(join(path, name, 'package.json')));
  if (files.length + packages.length === 0) throw new Error(`The folder ${path} holds neither modules nor packages.`);
  return [...packages, ...files].flatMap(({ name }) => atPath(join(entry, name), join(path, name)));
}

function isPluginFile(name: string): boolean {
  return moduleTypes.includes(extname(name)) && !/\.(test|d)\.m?ts$|\.test\.m?js$/.test(name);
}

/** What `import` of the package would load, by its package.json. */
function mainOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    main?: string;
    exports?: unknown;
  };
  const named = exported(manifest.exports) ?? manifest.main;
  const candidates = named === undefined ? ['index.js', 'index.mjs', 'index.ts'] : [named];
  const found = candidates.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new Error(
    `The package in ${folder} names ${candidates.join(', ')} as its module, and there is none. Build it?`,
  );
}

/** The default entry of `exports`, through its conditions. */
function exported(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const conditions = exports as Readonly<Record<string, unknown>>;
  for (const name of ['.', 'node', 'import', 'default']) {
    const found = exported(conditions[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function npmPackage(name: string, folder: string): PluginModule {
  const paths = createRequire(join(folder, 'any.js')).resolve.paths(name) ?? [];
  const root = paths.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
  if (root === undefined) {
    throw new Error(`There is neither a file nor an installed package "${name}". Install it, or write a path (./…).`);
  }
  return { entry: name, file: mainOf(root), root };
}

/** The folder to watch for changes of a module's code. */
export function folderOf({ root }: PluginModule): string {
  return statSync(root, { throwIfNoEntry: false })?.isDirectory() ? root : dirname(root);
}
