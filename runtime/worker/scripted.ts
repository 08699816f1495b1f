/**
 * For tests: a source and a sink that fail or hang where their config says so, as plugins of others do. What hangs does so
 * until the test ends. No records to speak of; `harness.ts` has a source and a sink for those.
 */
import type { Config, ConfigDef, Plugin, SinkTask, SourceTask } from '../../connectors/api/index.ts';
import { ConnectError } from '../../connectors/api/index.ts';

export const places = [
  'create',
  'check',
  'start',
  'taskConfigs',
  'stop',
  'task.start',
  'task.work',
  'task.stop',
] as const;
export type Place = (typeof places)[number];

const keys: ConfigDef = {
  topic: { type: 'string', default: 'out', doc: 'The topic.' },
  count: { type: 'int', default: 1, doc: 'Task configs to hand out, whatever tasks.max says.' },
  same: { type: 'boolean', default: false, doc: 'Hand out the same task configs whatever else changes.' },
  hang: { type: 'string', default: '', doc: 'Where it hangs.' },
  fail: { type: 'string', default: '', doc: 'Where it fails.' },
};

export interface Scripted {
  readonly plugins: readonly Plugin[];
  /** Everything that was asked of connectors and tasks, in order: `start`, `task.start 0`. */
  readonly calls: string[];
  /** Lets everything go on that hangs. */
  release(): void;
  /** Where it hangs or fails, whatever the config says; for `create`, which is told no config. */
  hang: Place | null;
  fail: Place | null;
}

export function scripted(): Scripted {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const calls: string[] = [];
  const reached = async (place: Place, config: Config | null, task = ''): Promise<void> => {
    calls.push(task === '' ? place : `${place} ${task}`);
    const isHere = (wanted: string | null | undefined) => wanted === place || wanted === `${place} ${task}`;
    if (isHere(script.hang) || isHere(config?.string('hang'))) await released;
    if (!isHere(script.fail) && !isHere(config?.string('fail'))) return;
    throw new ConnectError(`It was told to fail: ${place}`);
  };
  const life = () => {
    let config: Config;
    return {
      check: async (given: Config) => {
        await reached('check', given);
        return [];
      },
      async start(_: unknown, given: Config) {
        config = given;
        await reached('start', given);
      },
      async taskConfigs() {
        await reached('taskConfigs', config);
        return Array.from({ length: config.number('count') }, (_, index) => ({ part: String(index) }));
      },
      stop: () => reached('stop', config),
    };
  };
  const script: Scripted = { plugins: [], calls, release, hang: null, fail: null };
  const created = async <T>(createTask: (reached: Reached) => T) => {
    await reached('create', null);
    return { ...life(), createTask: () => createTask(reached) };
  };
  const common = { version: '1', config: keys };
  const source: Plugin = { ...common, type: 'source', class: 'ScriptedSource', create: () => created(sourceTask) };
  const sink: Plugin = { ...common, type: 'sink', class: 'ScriptedSink', create: () => created(sinkTask) };
  return Object.assign(script, { plugins: [source, sink] });
}

type Reached = (place: Place, config: Config | null, task?: string) => Promise<void>;

/** What a task's source and sink have in common, and how it tells where it is. */
function taskLife(reached: Reached) {
  let config: Config;
  let task = '';
  const at = (place: Place) => reached(place, config, task);
  const life = {
    async start(context: { readonly task: number }, given: Config) {
      config = given;
      task = String(context.task);
      await at('task.start');
    },
    stop: () => at('task.stop'),
  };
  return { at, life };
}

function sourceTask(reached: Reached): SourceTask {
  const { at, life } = taskLife(reached);
  return {
    ...life,
    async poll() {
      await at('task.work');
      await new Promise((resolve) => setTimeout(resolve, 5));
      return null;
    },
  };
}

function sinkTask(reached: Reached): SinkTask {
  const { at, life } = taskLife(reached);
  return { ...life, put: () => at('task.work') };
}
