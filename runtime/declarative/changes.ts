/**
 * What it would take to make a worker run what files say, and what that does to data. Pure: the caller asks the worker.
 */
import type { ConfigDef, ConfigKey } from '../../connectors/api/index.ts';
import { planConnector, type Raw } from '../worker/plan.ts';
import type { ConnectorFile } from './connector-file.ts';
import type { Rules } from './lint.ts';

/** A connector as the worker has it. */
export interface RunningConnector {
  readonly config: Raw;
  /** `RUNNING`, `PAUSED`, … */
  readonly state: string;
}

export interface KeyChange {
  readonly key: string;
  /** Null: was not set. Secrets are `[hidden]`. */
  readonly before: string | null;
  /** Null: is not set any more. */
  readonly after: string | null;
}

export interface Change {
  readonly connector: string;
  readonly action: 'create' | 'change' | 'delete' | 'unchanged' | 'unmanaged';
  readonly file: string | null;
  readonly keys: readonly KeyChange[];
  /** What happens to data and offsets, in sentences. */
  readonly effects: readonly string[];
}

export interface ChangeOptions extends Rules {
  /** Delete what no file names. */
  readonly prune: boolean;
}

/** One change per connector of the files and of the worker, in that order. */
export function changesOf(
  files: readonly ConnectorFile[],
  running: ReadonlyMap<string, RunningConnector>,
  options: ChangeOptions,
): Change[] {
  const named = new Set(files.map(({ name }) => name));
  const others = [...running].filter(([name]) => !named.has(name));
  return [
    ...files.map((file) => changeOf(file, running.get(file.name), options)),
    ...others.map(([name, { config }]) => leftover(name, config, options)),
  ];
}

function changeOf(file: ConnectorFile, running: RunningConnector | undefined, rules: Rules): Change {
  const base = { connector: file.name, file: file.path };
  if (running === undefined) {
    return { ...base, action: 'create', keys: [], effects: effectsOfCreation(file, rules) };
  }
  const keys = keyChanges(running.config, file.config, rules);
  if (keys.length === 0) return { ...base, action: 'unchanged', keys, effects: [] };
  return { ...base, action: 'change', keys, effects: effectsOfChange(file, running, keys, rules) };
}

function leftover(connector: string, config: Raw, { prune, ...rules }: ChangeOptions): Change {
  if (!prune)
    return { connector, action: 'unmanaged', file: null, keys: [], effects: ['No file names it; it goes on.'] };
  const isSink = typeOf(config, rules) === 'sink';
  const stays = isSink ? `The offsets of its group connect-${connector} stay` : 'Its source offsets and topics stay';
  const effect = `${stays}: a connector of the same name would go on from there.`;
  return { connector, action: 'delete', file: null, keys: [], effects: [effect] };
}

function keyChanges(before: Raw, after: Raw, rules: Rules): KeyChange[] {
  const declared = declarationsOf(after, rules);
  const shown = (key: string, value: string | undefined): string | null => {
    if (value === undefined) return null;
    return declared.get(key)?.type === 'password' ? '[hidden]' : value;
  };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => before[key] !== after[key])
    .sort()
    .map((key) => ({ key, before: shown(key, before[key]), after: shown(key, after[key]) }));
}

/** Every declared key of a config under its full name. */
function declarationsOf(config: Raw, { plugins, worker }: Rules): Map<string, ConfigKey> {
  const { sections } = planConnector(plugins, config, worker);
  const all = sections.flatMap(({ prefix, def }: { prefix: string; def: ConfigDef }) =>
    Object.entries(def).map(([key, declared]) => [prefix + key, declared] as const),
  );
  return new Map(all.reverse());
}

function typeOf(config: Raw, { plugins, worker }: Rules): 'source' | 'sink' | undefined {
  return planConnector(plugins, config, worker).plan?.plugin.type;
}

function effectsOfCreation(file: ConnectorFile, rules: Rules): string[] {
  const begins =
    typeOf(file.config, rules) === 'sink'
      ? `Its group connect-${file.name} reads its topics from the beginning, or goes on where that group is.`
      : 'It reads from the beginning, or goes on from the offsets of an earlier connector of this name.';
  return file.initialState === 'RUNNING' ? [begins] : [begins, `It is created ${file.initialState}.`];
}

function effectsOfChange(
  file: ConnectorFile,
  { config: before, state }: RunningConnector,
  keys: readonly KeyChange[],
  rules: Rules,
): string[] {
  const effects = [
    state === 'PAUSED' || state === 'STOPPED'
      ? `It is ${state} and stays so; the change counts when it is resumed.`
      : 'It restarts with all its tasks, from its committed offsets.',
  ];
  const declared = declarationsOf(file.config, rules);
  for (const { key } of keys) {
    const effect = key === 'topics' ? topicsEffect(before, file.config) : (declared.get(key)?.onChange ?? null);
    if (key === 'connector.class') effects.push('Another plugin: the offsets of the old one mean nothing to it.');
    else if (effect !== null) effects.push(`${key}: ${effect}`);
  }
  return effects;
}

/** Which topics a sink reads from their beginning, and which it reads no more. */
function topicsEffect(before: Raw, after: Raw): string | null {
  const listOf = (config: Raw) => (config.topics ?? '').split(/\s*,\s*/).filter((topic) => topic !== '');
  const added = listOf(after).filter((topic) => !listOf(before).includes(topic));
  const removed = listOf(before).filter((topic) => !listOf(after).includes(topic));
  const parts = [
    ...(added.length === 0 ? [] : [`${added.join(', ')} is read from the beginning`]),
    ...(removed.length === 0 ? [] : [`${removed.join(', ')} is read no more`]),
  ];
  return parts.length === 0 ? null : `${parts.join('; ')}.`;
}
