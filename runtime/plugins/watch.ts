/**
 * Hot reload while developing: when a file of a plugin changes, its code is loaded anew and only its connectors restart.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import type { LoadedPlugin } from './load.ts';
import { folderOf } from './locate.ts';
import type { PluginPath } from './plugin-path.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/** Watches the plugins of `path`; `replace` hands the worker the plugins there are now. Answers what ends it. */
export function watchPlugins(path: PluginPath, worker: Worker, replace: () => void, logger: Logger): () => void {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    const roots = [...changed];
    changed.clear();
    await path.reload();
    replace();
    for (const name of connectorsOf(worker, roots)) {
      logger.info({ connector: name }, `Connector ${name} restarts with the changed code of its plugin.`);
      worker.restart(name, true, false);
    }
  };
  const watchers = path.loaded.modules.map((module): FSWatcher => {
    const watcher = watch(folderOf(module), { recursive: true }, (_, file) => {
      if (file === null || !isCode(file)) return;
      changed.add(module.root);
      clearTimeout(timer);
      timer = setTimeout(() => {
        turn = turn
          .then(reload)
          .catch((error: unknown) => logger.error({ err: error }, `Reloading failed: ${messageOf(error)}`));
      }, SETTLE_MS);
    });
    watcher.on('error', (error) => logger.warn({ err: error }, `${module.root} is not watched any more.`));
    return watcher;
  });
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

/** Its own code: not what it depends on, not what a house keeps in a hidden folder beside it, not data. */
function isCode(file: string): boolean {
  return /\.[cm]?[jt]s$|(^|[/\\])package\.json$/.test(file) && !/(^|[/\\])(node_modules|\.[^/\\]*)[/\\]/.test(file);
}

/** The connectors in whose config a plugin of these packages is named, as connector, transform or converter. */
function connectorsOf(worker: Worker, roots: readonly string[]): string[] {
  const isChanged = (name: string): boolean => {
    const plugin = worker.services.plugins.any(name.trim()) as Partial<LoadedPlugin> | undefined;
    return plugin?.root !== undefined && roots.includes(plugin.root);
  };
  return worker.names().filter((name) => Object.values(worker.config(name)).some(isChanged));
}
