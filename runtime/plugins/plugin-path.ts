/**
 * Everything about the plugins of `plugin.path` in a running worker: loads them, guards them, keeps notes of what they do
 * wrong, loads them again when they change.
 *
 * A worker without such plugins has none of its cost: no thread, no hook.
 */
import type { Logger, Plugin } from '../../connectors/api/index.ts';
import type { MetricFamily } from '../worker/metrics.ts';
import { guarded } from './guard.ts';
import { followLives, type Life } from './life.ts';
import { type LoadedPlugins, loadPluginPath } from './load.ts';
import { type Blocked, watchEventLoop } from './watchdog.ts';

export interface PluginPathOptions {
  readonly entries: readonly string[];
  readonly blockedMs: number;
  readonly logger: Logger;
  /** After a plugin's `stop`, before what it left open counts as leaked. Sockets kept alive by `fetch` close within 4 s. */
  readonly leakGraceMs?: number;
}

interface Misdeeds {
  blocks: number;
  blockedMs: number;
  leaks: number;
  /** The last of each kind, for the status of the task. */
  readonly notes: Map<'blocked' | 'leaked', string>;
}

const LEAK_GRACE_MS = 5_000;

export class PluginPath {
  readonly #options: PluginPathOptions;
  readonly #misdeeds = new Map<string, Misdeeds>();
  readonly #ends: (() => unknown)[] = [];
  #loaded: LoadedPlugins = { modules: [], plugins: [], failures: [] };
  #reloads = 0;

  private constructor(options: PluginPathOptions) {
    this.#options = options;
  }

  /** Never rejects because of a plugin: what cannot be loaded is logged and left out. */
  static async open(options: PluginPathOptions): Promise<PluginPath> {
    const path = new PluginPath(options);
    if (options.entries.length === 0) return path;
    path.#ends.push(
      followLives(),
      watchEventLoop(options.blockedMs, (blocked) => path.#onBlocked(blocked)),
    );
    path.#take(await loadPluginPath(options.entries));
    return path;
  }

  get loaded(): LoadedPlugins {
    return this.#loaded;
  }

  get plugins(): readonly Plugin[] {
    return this.#loaded.plugins;
  }

  /** Sentences about modules that did not load, for whoever asks for a class that would be in them. */
  get failures(): readonly string[] {
    return this.#loaded.failures.map(({ error }) => error.message);
  }

  /** Loads everything anew, with new code. A module that fails now keeps the plugins it had; answers the roots of those. */
  async reload(): Promise<ReadonlySet<string>> {
    const fresh = await loadPluginPath(this.#options.entries, { reload: ++this.#reloads });
    const failed = new Set(fresh.failures.map(({ entry }) => entry));
    const roots = new Set(this.#loaded.modules.filter(({ entry }) => failed.has(entry)).map(({ root }) => root));
    const kept = this.#loaded.plugins.filter(({ root }) => roots.has(root));
    this.#take(fresh);
    this.#loaded = { ...this.#loaded, plugins: [...kept, ...this.#loaded.plugins] };
    return roots;
  }

  /** What a task (or, with null, a connector) did wrong last, for its status. */
  notes(connector: string, task: number | null): string[] {
    return [...(this.#misdeeds.get(keyOf(connector, task))?.notes.values() ?? [])];
  }

  collect(): MetricFamily[] {
    const family = (name: string, help: string, value: (misdeeds: Misdeeds) => number): MetricFamily => ({
      name: `millrace_plugin_${name}`,
      help,
      type: 'counter',
      samples: [...this.#misdeeds].map(([key, misdeeds]) => {
        const [connector = '', task = ''] = JSON.parse(key) as string[];
        return { labels: { connector, task }, value: value(misdeeds) };
      }),
    });
    return [
      family('event_loop_blocks', 'Times a plugin blocked the event loop.', ({ blocks }) => blocks),
      family('event_loop_blocked_ms', 'How long it did, in all.', ({ blockedMs }) => blockedMs),
      family('leaked_handles', 'Times it left something open after its stop.', ({ leaks }) => leaks),
    ];
  }

  async close(): Promise<void> {
    await Promise.all(this.#ends.splice(0).map((end) => end()));
  }

  #take(loaded: LoadedPlugins): void {
    const { logger, leakGraceMs = LEAK_GRACE_MS } = this.#options;
    const onLeak = (life: Life, what: string) => this.#onLeak(life, what);
    this.#loaded = { ...loaded, plugins: loaded.plugins.map((each) => guarded(each, leakGraceMs, onLeak)) };
    for (const { entry, error } of loaded.failures) logger.error({ plugin: entry }, error.message);
    for (const { class: name, version, location } of loaded.plugins) {
      logger.info({ plugin: name, version, location }, `Loaded plugin ${name} ${version} from ${location}.`);
    }
  }

  #onBlocked({ ms, culprit, places }: Blocked): void {
    const place = places[0] ?? 'an unknown place';
    const owner = this.#loaded.plugins.find(({ root }) => places.some((each) => each.includes(root)));
    if (culprit === null && owner === undefined) return;
    const { connector, task } = culprit ?? { connector: '', task: null };
    const who = `Plugin ${culprit?.plugin ?? owner!.class}${named(connector, task)}`;
    const message = `${who} blocked the event loop for ${ms} ms at ${place}; nothing else ran. Give way now and then (await setImmediate), or move the work to a worker thread.`;
    const misdeeds = this.#misdeedsOf(connector, task);
    misdeeds.blocks++;
    misdeeds.blockedMs += ms;
    misdeeds.notes.set('blocked', message);
    this.#options.logger.warn({ connector, task, ms, places }, message);
  }

  #onLeak({ plugin, connector, task }: Life, what: string): void {
    const message = `Plugin ${plugin.class}${named(connector, task)} left open after its stop: ${what}. Close in stop() what start() and poll() or put() open.`;
    const misdeeds = this.#misdeedsOf(connector, task);
    misdeeds.leaks++;
    misdeeds.notes.set('leaked', message);
    this.#options.logger.warn({ connector, task }, message);
  }

  #misdeedsOf(connector: string, task: number | null): Misdeeds {
    const key = keyOf(connector, task);
    const known = this.#misdeeds.get(key) ?? { blocks: 0, blockedMs: 0, leaks: 0, notes: new Map() };
    this.#misdeeds.set(key, known);
    return known;
  }
}

function named(connector: string, task: number | null): string {
  if (connector === '') return '';
  return task === null ? `, connector ${connector},` : `, task ${task} of connector ${connector},`;
}

function keyOf(connector: string, task: number | null): string {
  return JSON.stringify([connector, task === null ? '' : String(task)]);
}
