/**
 * Loads the modules of `plugin.path`. One that throws, hangs or is not what it should be is named and left out; the
 * others, and the house, go on.
 *
 * Each is imported in a thread of its own first, with a deadline, because an endless loop in the house itself could not
 * be ended. So the top level of a plugin module runs twice: it should declare, and leave work to `start`.
 */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ConnectError, type Plugin } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import { within } from '../worker/backoff.ts';
import { pluginsOf } from './examine-module.ts';
import { provideHouseModules } from './house-modules.ts';
import { locate, type PluginModule } from './locate.ts';

/** A plugin from `plugin.path`, and where it is from. */
export type LoadedPlugin = Plugin & {
  /** The file it was imported from. */
  readonly location: string;
  /** Its package's folder, or the file: stack frames below it are its own. */
  readonly root: string;
};

/** A module that is not there to be used, and why. */
export interface PluginFailure {
  readonly entry: string;
  readonly error: ConnectError;
}

export interface LoadedPlugins {
  readonly modules: readonly PluginModule[];
  readonly plugins: readonly LoadedPlugin[];
  readonly failures: readonly PluginFailure[];
}

/** Importing declarations takes milliseconds; a client library below them a second. */
const LOAD_DEADLINE_MS = 10_000;

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const probeThread = new URL(`./probe-thread.${extension}`, import.meta.url);

export interface LoadOptions {
  /** How often the same files were loaded before: a new number loads new code. */
  readonly reload?: number;
  readonly deadlineMs?: number;
}

/** Loads every entry, side by side. Never rejects. */
export async function loadPluginPath(entries: readonly string[], options: LoadOptions = {}): Promise<LoadedPlugins> {
  const located = entries.map((entry) => locate(entry));
  const modules = located.flatMap((each) => each.modules);
  const failures = located
    .flatMap((each) => each.lost)
    .map(({ entry, problem }) => ({ entry, error: failed(entry, problem) }));
  const results = await Promise.all(modules.map((module) => loadModule(module, options)));
  return {
    modules,
    plugins: results.flatMap((result) => ('plugins' in result ? result.plugins : [])),
    failures: [...failures, ...results.flatMap((result) => ('error' in result ? [result] : []))],
  };
}

async function loadModule(
  module: PluginModule,
  { reload = 0, deadlineMs = LOAD_DEADLINE_MS }: LoadOptions,
): Promise<{ readonly plugins: LoadedPlugin[] } | PluginFailure> {
  const url = pathToFileURL(module.file).href + (reload === 0 ? '' : `?reload=${reload}`);
  try {
    await tryOut(url, deadlineMs);
    provideHouseModules();
    const exported = await within('Importing it', deadlineMs, import(url));
    const { file: location, root } = module;
    return { plugins: pluginsOf(exported as Record<string, unknown>).map((each) => ({ ...each, location, root })) };
  } catch (cause) {
    return { entry: module.entry, error: failed(module.entry, messageOf(cause), cause) };
  }
}

function failed(entry: string, problem: string, cause?: unknown): ConnectError {
  // The mark of a reload is ours, and hides the file from whoever clicks on it.
  const said = problem.replaceAll(/\?reload=\d+/g, '');
  const message = `The plugin module "${entry}" of plugin.path could not be loaded: ${said}`;
  return new ConnectError(message, { code: 'PLUGIN_LOAD_FAILED', cause });
}

/** Imports a module where it can do no harm. Rejects with what it did instead of loading. */
function tryOut(url: string, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Its own stdout and stderr: what a module prints while it is tried out would be printed twice.
    const thread = new Worker(probeThread, { workerData: url, stdout: true, stderr: true });
    thread.stdout.resume();
    thread.stderr.resume();
    const settle = (error?: Error): void => {
      clearTimeout(deadline);
      void thread.terminate();
      if (error === undefined) resolve();
      else reject(error);
    };
    const late = `it was not loaded within ${deadlineMs / 1000} s. Does it wait or loop at its top level?`;
    let deadline: NodeJS.Timeout | undefined;
    // Counted from when the thread runs: many modules at once wait for each other on a small machine.
    thread.once('online', () => {
      deadline = setTimeout(() => settle(new Error(late)), deadlineMs);
    });
    thread.once('message', (problem: string | null) => settle(problem === null ? undefined : new Error(problem)));
    thread.once('error', (error: Error) => settle(error));
    thread.once('exit', (code) => settle(new Error(`it ended its thread with code ${code} while it was loaded.`)));
  });
}
