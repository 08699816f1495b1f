/**
 * Hot reload while developing: when a file of a plugin changes, its code is loaded anew and only its connectors restart.
 */
import type { Logger } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { Worker } from '../worker/worker.ts';
import type { LoadedPlugin } from './load.ts';
import { folderOf } from './locate.ts';
import type { PluginPath } from './plugin-path.ts';
import { watchFolders } from './watch-folders.ts';

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
    const failed = await path.reload();
    replace();
    // What does not load was said so, and its connectors go on with the code they have.
    const fresh = roots.filter((root) => !failed.has(root));
    for (const name of connectorsOf(worker, fresh)) {
      logger.info({ connector: name }, `Connector ${name} restarts with the changed code of its plugin.`);
      worker.restart(name, true, false);
    }
  };
  const onChange = (root: string, file: string): void => {
    if (!isCode(file)) return;
    changed.add(root);
    clearTimeout(timer);
    timer = setTimeout(() => {
      turn = turn
        .then(reload)
        .catch((error: unknown) => logger.error({ err: error }, `Reloading failed: ${messageOf(error)}`));
    }, SETTLE_MS);
  };
  const ends = path.loaded.modules.map((module) =>
    watchFolders(folderOf(module), {
      onChange: (file) => onChange(module.root, file),
      onProblem: (message) => logger.warn({}, message),
    }),
  );
  return () => {
    clearTimeout(timer);
    for (const end of ends) end();
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
