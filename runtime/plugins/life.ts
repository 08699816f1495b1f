/**
 * Whose code is running: every call into a plugin of `plugin.path` happens inside one of these, which follows it through
 * its promises, timers and sockets (AsyncLocalStorage). The watchdog asks it for the culprit, the books ask it for leaks.
 *
 * The house's own plugins are not followed: it costs a little per call.
 */
import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import type { LoadedPlugin } from './load.ts';

/** One connector or task, from its creation on. */
export interface Life {
  readonly plugin: LoadedPlugin;
  /** Empty until `start` tells the name, and in a check or a preview. */
  connector: string;
  /** Null for the connector itself. */
  task: number | null;
  /** What it opened and did not close yet, by async id. */
  readonly open: Map<number, { readonly kind: string; readonly resource: WeakRef<object> }>;
}

const lives = new AsyncLocalStorage<Life>();
/** Async id → the life it was opened in, to find it when it is closed. */
const openedIn = new Map<number, Life>();

/** Node's names for what keeps a file, a socket, a process or a clock; the rest comes and goes by itself. */
const kinds: Readonly<Record<string, string>> = {
  Timeout: 'timer',
  TCPWRAP: 'socket',
  TCPSERVERWRAP: 'server',
  PIPEWRAP: 'pipe',
  PIPESERVERWRAP: 'server',
  UDPWRAP: 'datagram socket',
  FSEVENTWRAP: 'file watcher',
  STATWATCHER: 'file watcher',
  PROCESSWRAP: 'child process',
  WORKER: 'worker thread',
  FILEHANDLE: 'file',
  HTTP2SESSION: 'HTTP/2 session',
};

const hook = createHook({
  trackPromises: false,
  init(id, type, _, resource) {
    const kind = kinds[type];
    const life = kind === undefined ? undefined : lives.getStore();
    if (life === undefined) return;
    life.open.set(id, { kind: kind!, resource: new WeakRef(resource) });
    openedIn.set(id, life);
  },
  destroy(id) {
    openedIn.get(id)?.open.delete(id);
    openedIn.delete(id);
  },
} as Parameters<typeof createHook>[0]);

/** Where the debugger of the watchdog's thread asks who is running. */
const CULPRIT = Symbol.for('millrace.culprit');

/** Houses in this process that follow: one hook serves them all. */
let followers = 0;

/** Begins to follow; answers what ends it. */
export function followLives(): () => void {
  if (followers++ === 0) hook.enable();
  (globalThis as Record<symbol, unknown>)[CULPRIT] = () => {
    const life = lives.getStore();
    return life === undefined ? null : { plugin: life.plugin.class, connector: life.connector, task: life.task };
  };
  return () => {
    if (--followers > 0) return;
    hook.disable();
    delete (globalThis as Record<symbol, unknown>)[CULPRIT];
  };
}

export function newLife(plugin: LoadedPlugin): Life {
  return { plugin, connector: '', task: null, open: new Map() };
}

/** Calls into the plugin. */
export function inLife<T>(life: Life, call: () => T): T {
  return lives.run(life, call);
}

/** Calls back into the house: what it opens there is not the plugin's. */
export function outsideLives<T>(call: () => T): T {
  return lives.exit(call);
}

/** What a life still has open: `2 timers, 1 socket`; null when nothing. Forgets it afterwards. */
export function takeLeaks(life: Life): string | null {
  const counts = new Map<string, number>();
  for (const [id, { kind, resource }] of life.open) {
    openedIn.delete(id);
    if (resource.deref() !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  life.open.clear();
  if (counts.size === 0) return null;
  return [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`).join(', ');
}
