/**
 * The groups of topics that a source's config describes (`topic.creation.<group>.*`, KIP-158): read once, judged with the
 * rest of the config, so that a mistake shows before the first record does.
 */
import { type Config, ConfigError, type ConfigProblem, javaRegex } from '../../connectors/api/index.ts';
import { under } from './plan.ts';

/** How topics are created whose whole name matches one of `include` and none of `exclude`. */
export interface TopicGroup {
  readonly include: readonly RegExp[];
  readonly exclude: readonly RegExp[];
  /** -1: the default of the cluster. */
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Any other key: a topic config. */
  readonly config: Readonly<Record<string, string>>;
}

const OWN_KEYS = new Set(['include', 'exclude', 'partitions', 'replication.factor']);

/** In the order in which they are asked; the default group comes last and takes every topic. Throws ConfigError. */
export function topicGroups(settings: Config): readonly TopicGroup[] {
  const names = settings.list('topic.creation.groups');
  const problems: ConfigProblem[] = [];
  const otherwise = groupOf('default', settings, { partitions: -1, replicationFactor: -1 }, problems);
  const groups = [...new Set(names)].map((name) => groupOf(name, settings, otherwise, problems));
  for (const name of names.filter((each) => each === 'default')) {
    const message = `"topic.creation.groups" lists "${name}", which is there without being listed. Remove it.`;
    problems.push({ key: 'topic.creation.groups', value: name, message });
  }
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
    const message = `"topic.creation.groups" lists "${name}" twice. Remove one.`;
    problems.push({ key: 'topic.creation.groups', value: name, message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return [...groups, otherwise];
}

export function topicGroupProblems(settings: Config): readonly ConfigProblem[] {
  try {
    topicGroups(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** A group takes over what it does not say from the default group. */
function groupOf(
  name: string,
  settings: Config,
  otherwise: Pick<TopicGroup, 'partitions' | 'replicationFactor'>,
  problems: ConfigProblem[],
): TopicGroup {
  const prefix = `topic.creation.${name}.`;
  const raw = under(settings.raw, prefix);
  const patterns = (key: string, ifAbsent: string[]) =>
    (raw[key]?.split(/\s*,\s*/) ?? ifAbsent).flatMap((text) => wholeMatch(prefix + key, text, problems));
  if (name !== 'default' && raw.include === undefined) {
    const message = `The group "${name}" of topic.creation.groups has no "${prefix}include": say which topics it is for.`;
    problems.push({ key: `${prefix}include`, value: null, message });
  }
  return {
    include: patterns('include', name === 'default' ? ['.*'] : []),
    exclude: patterns('exclude', []),
    partitions: count(prefix, 'partitions', raw, otherwise.partitions, problems),
    replicationFactor: count(prefix, 'replication.factor', raw, otherwise.replicationFactor, problems),
    config: Object.fromEntries(Object.entries(raw).filter(([key]) => !OWN_KEYS.has(key))),
  };
}

function count(
  prefix: string,
  key: string,
  raw: Readonly<Record<string, string>>,
  ifAbsent: number,
  problems: ConfigProblem[],
): number {
  const number = Number(raw[key] ?? ifAbsent);
  if (Number.isInteger(number) && (number === -1 || number > 0)) return number;
  const message = `Invalid value "${raw[key]}" for configuration "${prefix}${key}": it must be -1 or a positive number.`;
  problems.push({ key: prefix + key, value: raw[key], message });
  return -1;
}

function wholeMatch(key: string, text: string, problems: ConfigProblem[]): RegExp[] {
  try {
    return [javaRegex(text)];
  } catch {
    const message = `Invalid value "${text}" for configuration "${key}": it is no regular expression.`;
    problems.push({ key, value: text, message });
    return [];
  }
}
