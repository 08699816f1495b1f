/**
 * Stands between the worker and a plugin of `plugin.path`: follows its calls, sees what it leaves open when it stops.
 *
 * Wraps the plugin's instances in proxies, so that the worker's loops know nothing of it; a method a task does not have
 * stays one it does not have.
 */
import type { ConnectorContext, SinkConnector, SourceConnector } from '../../connectors/api/index.ts';
import { inLife, type Life, newLife, outsideLives, takeLeaks } from './life.ts';
import type { LoadedPlugin } from './load.ts';

/** Told of what a connector or task left open, some time after its `stop`. */
export type OnLeak = (life: Life, what: string) => void;

type Connector = SourceConnector | SinkConnector;
type Task = ReturnType<Connector['createTask']>;

/** The plugin with its connectors followed. Transforms and converters open nothing; blocking is seen by their task. */
export function guarded(plugin: LoadedPlugin, leakGraceMs: number, onLeak: OnLeak): LoadedPlugin {
  if (plugin.type !== 'source' && plugin.type !== 'sink') return plugin;
  const create = async () => {
    const life = newLife(plugin);
    const connector: Connector = await inLife(life, () => plugin.create());
    return followed(connector, life, { leakGraceMs, onLeak });
  };
  return { ...plugin, create } as LoadedPlugin;
}

interface Leaks {
  readonly leakGraceMs: number;
  readonly onLeak: OnLeak;
}

/** An object whose every call happens in its life; `start` names it, `stop` begins the wait for what is left open. */
function followed<T extends Connector | Task>(target: T, life: Life, leaks: Leaks): T {
  const calls = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      let call = calls.get(name);
      if (call === undefined) {
        call = (...args: unknown[]) => inLife(life, () => called(target, name, member, args, life, leaks));
        calls.set(name, call);
      }
      return call;
    },
  });
}

function called(
  target: object,
  name: PropertyKey,
  method: unknown,
  args: unknown[],
  life: Life,
  leaks: Leaks,
): unknown {
  const invoke = (given: unknown[]): unknown => Reflect.apply(method as () => unknown, target, given);
  if (name === 'createTask') return followed(invoke(args) as Task, newLife(life.plugin), leaks);
  if (name === 'start') return invoke([named(args[0] as StartContext, life), ...args.slice(1)]);
  if (name !== 'stop') return invoke(args);
  const later = (): void => {
    outsideLives(() => setTimeout(() => reportLeaks(life, leaks), leaks.leakGraceMs).unref());
  };
  const stopped = Promise.resolve(invoke(args));
  void stopped.then(later, later);
  return stopped;
}

function reportLeaks(life: Life, { onLeak }: Leaks): void {
  const what = takeLeaks(life);
  if (what !== null) onLeak(life, what);
}

type StartContext = ConnectorContext | { readonly connector: string; readonly task: number };

/** The context as the plugin sees it: its calls lead back into the house. Takes down who is speaking. */
function named<T extends StartContext>(context: T, life: Life): T {
  life.connector = 'name' in context ? context.name : context.connector;
  life.task = 'task' in context ? context.task : null;
  return new Proxy(context, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => outsideLives(() => Reflect.apply(member as () => unknown, target, args));
    },
  });
}
