/**
 * Routing of MQTT messages to topics and keys: rules with named levels, the first match wins.
 *
 * `trucks/{id}/gps` matches one level and calls it `id`; `+` matches one level, `#` (or `{#}`, last) the rest. Templates
 * are built of `{id}`, `{0}` … `{n}`, `{#}`, `{topic}` and `{value:/json/pointer}`. Pure; step 1 of the record's journey.
 */
import { type Config, type ConnectValue, closest } from '../api/index.ts';
import { badMqttConfig, badPayload } from './errors.ts';

/** One parsed rule. */
export interface Rule {
  readonly name: string;
  /** The filter to subscribe to, with MQTT's own wildcards. */
  readonly filter: string;
  readonly topic: Template;
  /** Null: records without a key. */
  readonly key: Template | null;
  /** True where the config leaves the key to us: a Sparkplug record has a better one than its MQTT topic. */
  readonly isKeyDefault: boolean;
  /** True when a message's topic (split at slashes) matches. */
  matches(levels: readonly string[]): boolean;
}

/** A template; `needsValue` tells whether the payload must be parsed to render it. */
export interface Template {
  readonly needsValue: boolean;
  render(levels: readonly string[], topic: string, value: () => ConnectValue): string;
}

/** Kafka's limit for a topic's name, and what may be in it. */
const topicLengthMax = 249;

/** The rules of the config in order; then, where `kafka.topic` is set, the one that takes everything else. */
export function parseRules(config: Config): readonly Rule[] {
  const names = config.list('mqtt.rules');
  refuseStrayKeys(config.raw, names);
  const rules = names.map((name) => parseRule(config.raw, name));
  const rest = config.optionalString('kafka.topic');
  if (rest === null || rest === '') return rules;
  const key = config.optionalString('mqtt.key') ?? defaultKey;
  const anything: Rule = {
    name: 'kafka.topic',
    filter: '',
    topic: parseTemplate('kafka.topic', rest, new Map()),
    key: key === '' ? null : parseTemplate('mqtt.key', key, new Map()),
    isKeyDefault: config.optionalString('mqtt.key') === null,
    matches: () => true,
  };
  return [...rules, anything];
}

const defaultKey = '{topic}';
const ruleFields = ['filter', 'topic', 'key'];

/** The keys of rules are a family, so the worker cannot see a misspelled one; here it is seen. */
function refuseStrayKeys(raw: Readonly<Record<string, string>>, names: readonly string[]): void {
  const known = names.flatMap((name) => ruleFields.map((field) => `mqtt.rules.${name}.${field}`));
  for (const [key, value] of Object.entries(raw)) {
    if (!key.startsWith('mqtt.rules.') || known.includes(key)) continue;
    const hint = closest(key, known);
    const advice = hint === null ? 'Name its rule in "mqtt.rules", or remove it.' : `Did you mean "${hint}"?`;
    throw badMqttConfig(key, value, `Unknown configuration "${key}". ${advice}`);
  }
}

function parseRule(raw: Readonly<Record<string, string>>, name: string): Rule {
  const at = (field: string): string => `mqtt.rules.${name}.${field}`;
  const pattern = raw[at('filter')];
  const topic = raw[at('topic')];
  for (const [field, text] of [['filter', pattern] as const, ['topic', topic] as const]) {
    if (text === undefined || text === '') {
      throw badMqttConfig(at(field), null, `Rule "${name}" of "mqtt.rules" has no "${at(field)}". Add it.`);
    }
  }
  const { filter, names } = parsePattern(at('filter'), pattern!);
  const wanted = withoutShare(filter).split('/');
  const key = raw[at('key')] ?? defaultKey;
  return {
    name,
    filter,
    topic: parseTemplate(at('topic'), topic!, names),
    key: key === '' ? null : parseTemplate(at('key'), key, names),
    isKeyDefault: raw[at('key')] === undefined,
    matches: (levels) => matchesFilter(wanted, levels),
  };
}

function parsePattern(key: string, pattern: string): { filter: string; names: Map<string, number> } {
  const names = new Map<string, number>();
  const skipped = pattern.startsWith('$share/') ? 2 : 0;
  const levels = pattern.split('/').map((level, index, all) => {
    const named = /^\{([A-Za-z_#][\w-]*|#)\}$/.exec(level);
    const isRest = level === '#' || level === '{#}';
    if (isRest && index !== all.length - 1) {
      throw badMqttConfig(key, pattern, `In "${pattern}" the wildcard # must be the last level.`);
    }
    if (isRest) {
      names.set('#', index - skipped);
      return '#';
    }
    if (named !== null) {
      names.set(named[1]!, index - skipped);
      return '+';
    }
    if (level !== '+' && /[+#{}]/.test(level)) {
      throw badMqttConfig(key, pattern, `In "${pattern}" the level "${level}" must be plain text, +, # or one {name}.`);
    }
    return level;
  });
  return { filter: levels.join('/'), names };
}

/** `$share/group/filter` is a shared subscription; messages arrive under their own topic. */
function withoutShare(filter: string): string {
  return filter.startsWith('$share/') ? filter.split('/').slice(2).join('/') : filter;
}

/**
 * MQTT's matching: + is one level, # the rest and its parent; topics that begin with $ are not matched by a wildcard
 * in the first level (MQTT 5, 4.7.2).
 */
export function matchesFilter(filter: readonly string[], levels: readonly string[]): boolean {
  if (levels[0]!.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false;
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '#') return true;
    if (i >= levels.length || (filter[i] !== '+' && filter[i] !== levels[i])) return false;
  }
  return filter.length === levels.length;
}

type Part = string | ((levels: readonly string[], topic: string, value: () => ConnectValue) => string);

/** Parses a template; throws ConfigError naming `key` for an unknown placeholder. */
export function parseTemplate(key: string, text: string, names: ReadonlyMap<string, number>): Template {
  // The bare form `value:/ptr` is a whole template by itself.
  const source = /^value:(\/.*)?$/.test(text) ? `{${text}}` : text;
  const parts: Part[] = [];
  let needsValue = false;
  for (const piece of source.split(/(\{[^}]*\})/)) {
    if (piece === '') continue;
    if (!piece.startsWith('{')) parts.push(piece);
    else if (piece.startsWith('{value:')) {
      needsValue = true;
      parts.push(pointerPart(piece.slice('{value:'.length, -1)));
    } else parts.push(levelPart(key, text, piece.slice(1, -1), names));
  }
  const render = (levels: readonly string[], topic: string, value: () => ConnectValue): string => {
    let out = '';
    for (const part of parts) out += typeof part === 'string' ? part : part(levels, topic, value);
    return out;
  };
  return { needsValue, render };
}

function levelPart(key: string, template: string, name: string, names: ReadonlyMap<string, number>): Part {
  if (name === 'topic') return (_levels, topic) => topic;
  const index = names.get(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  if (index === undefined) {
    const known = [...names.keys()].map((known) => `{${known}}`);
    throw badMqttConfig(
      key,
      template,
      `"${key}" uses {${name}}, which its filter does not name. Use one of ${[...known, '{0}', '{topic}', '{value:/json/pointer}'].join(', ')}.`,
    );
  }
  if (name === '#') return (levels) => levels.slice(index).join('/');
  return (levels, topic) => {
    const level = levels[index];
    if (level === undefined)
      throw badPayload(topic, `has no level ${index}, which the template "${template}" asks for`);
    return level;
  };
}

function pointerPart(pointer: string): Part {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (_levels, topic, value) => {
    let found: unknown = value();
    for (const step of steps) {
      found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[step] : undefined;
    }
    if (typeof found === 'string') return found;
    if (typeof found === 'number' || typeof found === 'boolean') return String(found);
    throw badPayload(topic, `has no text or number at "${pointer}", which its key or topic is made of`);
  };
}

/** A name Kafka accepts for a topic: other characters become `_`, too long is cut. */
export function topicName(name: string): string {
  const clean = name.replace(/[^a-zA-Z0-9._-]/g, '_').slice(0, topicLengthMax);
  return clean === '' || clean === '.' || clean === '..' ? clean.padEnd(1, '_').replaceAll('.', '_') : clean;
}
