/**
 * Configuration keys, declared once: type, default, validation and documentation come from the same line, and the
 * parsed config, the answer of `validate`, forms and generated README tables all read it.
 *
 * Kafka Connect's contract: a config is a flat map of strings, keys carry dots. Nothing here does I/O.
 */
import type { ConfigProblem } from './errors.ts';

export type ConfigType = 'string' | 'int' | 'long' | 'double' | 'boolean' | 'list' | 'password' | 'class';

export interface ConfigKey {
  readonly type: ConfigType;
  /** Absent: the key is required. Null: optional, no value. Lists default to an array, the rest to their own type. */
  readonly default?: string | number | boolean | readonly string[] | null;
  /** One or two sentences for a person filling in a form. */
  readonly doc: string;
  readonly importance?: 'high' | 'medium' | 'low';
  /** The only values allowed (compared as written). */
  readonly oneOf?: readonly string[];
  /** Takes `oneOf` in any case of letters, and hands it on as declared there. */
  readonly ignoresCase?: boolean;
  /** Inclusive bounds, for numbers. */
  readonly min?: number;
  readonly max?: number;
  /** Says what is wrong with a parsed value, in a sentence without its subject ("must be …"), or null. */
  readonly validate?: (value: unknown) => string | null;
  /** A required key takes an empty text only where this says so (a replacement that removes). */
  readonly mayBeEmpty?: boolean;
  /** Keys that may not be given together with this one. */
  readonly excludes?: readonly string[];
  /** Must be given, whatever its default, unless one of these keys is. */
  readonly requiredUnless?: readonly string[];
  /** What another value does to data that was moved before, in a sentence; `millrace diff` shows it. */
  readonly onChange?: string;
  readonly group?: string;
  readonly displayName?: string;
}

/** The declared keys. A key that ends in `.*` declares a family of keys (`topic.creation.*`), passed as written. */
export type ConfigDef = Readonly<Record<string, ConfigKey>>;

/** What a value of each declared type parses to. */
export type ConfigValue = string | number | boolean | readonly string[] | Secret | null;

/**
 * A value that must not be shown: prints as `[hidden]` wherever it is logged, serialised or put in a message.
 */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The value itself; call at the moment of use and do not keep it. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '[hidden]';
  }
  toJSON(): string {
    return '[hidden]';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[hidden]';
  }
}

/**
 * A parsed configuration. The getters throw on a key that was not declared, or declared with another type: that is a
 * programmer's mistake, and the user never sees it.
 */
export class Config {
  readonly #def: ConfigDef;
  readonly #values: ReadonlyMap<string, ConfigValue>;
  /** The strings as written, for families of keys and for handing on. */
  readonly raw: Readonly<Record<string, string>>;

  constructor(def: ConfigDef, values: ReadonlyMap<string, ConfigValue>, raw: Readonly<Record<string, string>>) {
    this.#def = def;
    this.#values = values;
    this.raw = raw;
  }

  string(key: string): string {
    return this.#get(key, 'string') as string;
  }
  optionalString(key: string): string | null {
    return this.#get(key, 'string', true) as string | null;
  }
  number(key: string): number {
    return this.#get(key, 'number') as number;
  }
  optionalNumber(key: string): number | null {
    return this.#get(key, 'number', true) as number | null;
  }
  boolean(key: string): boolean {
    return this.#get(key, 'boolean') as boolean;
  }
  list(key: string): readonly string[] {
    return (this.#get(key, 'object', true) as readonly string[] | null) ?? [];
  }
  secret(key: string): Secret {
    return this.#get(key, 'object') as Secret;
  }
  optionalSecret(key: string): Secret | null {
    return this.#get(key, 'object', true) as Secret | null;
  }

  #get(key: string, kind: string, nullable = false): ConfigValue {
    if (!(key in this.#def)) throw new Error(`Config key "${key}" is not declared.`);
    const value = this.#values.get(key) ?? null;
    if (value === null ? !nullable : typeof value !== kind) {
      throw new Error(`Config key "${key}" is not a ${kind}: it is ${value === null ? 'null' : typeof value}.`);
    }
    return value;
  }
}

export interface ParsedConfig {
  readonly config: Config;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Parses raw strings by a declaration. Never throws: `problems` lists every wrong or missing key, and `config` holds
 * the default where a value was wrong. Keys that are not declared are not judged here; see {@link unknownKeys}.
 */
export function parseConfig(def: ConfigDef, raw: Readonly<Record<string, string | null | undefined>>): ParsedConfig {
  const values = new Map<string, ConfigValue>();
  const problems: ConfigProblem[] = [];
  for (const [key, declared] of Object.entries(def)) {
    if (key.endsWith('.*')) {
      problems.push(...familyProblems(key.slice(0, -1), declared, raw));
      continue;
    }
    const outcome = parseKey(key, declared, raw[key]);
    values.set(key, outcome.value);
    if (outcome.problem !== null) problems.push({ key, value: shown(declared, raw[key]), message: outcome.problem });
  }
  problems.push(...relationProblems(def, raw));
  const strings = Object.fromEntries(
    Object.entries(raw).filter((entry): entry is [string, string] => entry[1] != null),
  );
  return { config: new Config(def, values, strings), problems };
}

/** What is wrong between keys: two that exclude each other, or none where one is needed. Each is told once. */
function relationProblems(def: ConfigDef, raw: Readonly<Record<string, string | null | undefined>>): ConfigProblem[] {
  const isGiven = (key: string) => (raw[key] ?? '').trim() !== '';
  const problems: ConfigProblem[] = [];
  const told = new Set<string>();
  for (const [key, declared] of Object.entries(def)) {
    for (const other of declared.excludes ?? []) {
      if (!isGiven(key) || !isGiven(other) || told.has(other)) continue;
      told.add(key);
      const message = `"${key}" and "${other}" exclude each other, and both are set. Remove one of them.`;
      problems.push({ key, value: shown(declared, raw[key]), message });
    }
    const alternatives = [key, ...(declared.requiredUnless ?? [])];
    if (alternatives.length === 1 || alternatives.some(isGiven) || alternatives.some((each) => told.has(each)))
      continue;
    told.add(key);
    const names = alternatives.map((each) => `"${each}"`).join(' or ');
    problems.push({ key, value: null, message: `Missing required configuration: set ${names}. ${declared.doc}` });
  }
  return problems;
}

/** Keys of a family are passed as written, after the family's own check. */
function familyProblems(
  prefix: string,
  declared: ConfigKey,
  raw: Readonly<Record<string, string | null | undefined>>,
): ConfigProblem[] {
  if (declared.validate === undefined) return [];
  return Object.entries(raw).flatMap(([key, text]) => {
    const problem = text != null && key.startsWith(prefix) ? declared.validate!(text) : null;
    return problem === null
      ? []
      : [
          {
            key,
            value: text,
            message: `Invalid value ${JSON.stringify(text)} for configuration "${key}": it ${sentence(problem)} ${declared.doc}`,
          },
        ];
  });
}

function shown(declared: ConfigKey, value: string | null | undefined): string | null {
  if (value == null) return null;
  return declared.type === 'password' ? '[hidden]' : value;
}

function parseKey(
  key: string,
  declared: ConfigKey,
  text: string | null | undefined,
): { value: ConfigValue; problem: string | null } {
  if (text == null) {
    if (declared.default === undefined) {
      const problem = `Missing required configuration "${key}" which has no default value. Set it: ${declared.doc}`;
      return { value: null, problem };
    }
    const value = declared.default as ConfigValue;
    return {
      value: declared.type === 'password' && typeof value === 'string' ? new Secret(value) : value,
      problem: null,
    };
  }
  const value = parseText(declared, text);
  const problem = value === undefined ? `is no ${typeNames[declared.type]}` : judge(declared, value, text);
  if (problem === null) return { value: value as ConfigValue, problem };
  const quoted = declared.type === 'password' ? '[hidden]' : JSON.stringify(text);
  return {
    value: (declared.default as ConfigValue) ?? null,
    problem: `Invalid value ${quoted} for configuration "${key}": it ${sentence(problem)}`,
  };
}

/** A mark below a place in the text (`^`) ends what it marks. */
const sentence = (problem: string) => (/[.?!^]$/.test(problem) ? problem : `${problem}.`);

const typeNames: Record<ConfigType, string> = {
  string: 'text',
  int: 'whole number (32 bits); write digits only, such as 100',
  long: 'whole number; write digits only, such as 100',
  double: 'number; write one such as 0.5',
  boolean: 'boolean; write true or false',
  list: 'list (values separated by commas)',
  password: 'text',
  class: 'class name',
};

function parseText(declared: ConfigKey, text: string): ConfigValue | undefined {
  const trimmed = text.trim();
  switch (declared.type) {
    case 'int':
    case 'long': {
      const bound = declared.type === 'int' ? 2 ** 31 : Number.MAX_SAFE_INTEGER + 1;
      if (!/^[+-]?\d+$/.test(trimmed)) return undefined;
      const number = Number(trimmed);
      return number >= -bound && number < bound ? number : undefined;
    }
    case 'double':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : undefined;
    case 'boolean': {
      const lower = trimmed.toLowerCase();
      return lower === 'true' ? true : lower === 'false' ? false : undefined;
    }
    case 'list':
      return trimmed === '' ? [] : trimmed.split(/\s*,\s*/);
    case 'password':
      return new Secret(text);
    default:
      return asDeclared(declared, trimmed);
  }
}

function asDeclared({ oneOf, ignoresCase }: ConfigKey, text: string): string {
  const lower = text.toLowerCase();
  return (ignoresCase === true ? oneOf?.find((value) => value.toLowerCase() === lower) : undefined) ?? text;
}

function judge(declared: ConfigKey, value: ConfigValue, text: string): string | null {
  const isBlank = text.trim() === '';
  if (isBlank && declared.default === undefined && declared.mayBeEmpty !== true) {
    return `is empty; give it a value. ${declared.doc}`;
  }
  if (declared.oneOf !== undefined) {
    const isText = declared.type === 'string' || declared.type === 'class';
    const given = declared.type === 'list' ? (value as readonly string[]) : [isText ? String(value) : text.trim()];
    const wrong = given.find((item) => !declared.oneOf!.includes(item));
    if (wrong !== undefined) {
      const hint = closest(wrong, declared.oneOf);
      if (hint !== null && hint !== '') return `must be one of ${declared.oneOf.join(', ')}; did you mean ${hint}?`;
      if (declared.oneOf.length > 1) return `must be one of ${declared.oneOf.join(', ')}`;
      // Where there is no choice, why is what helps.
      return `must be one of ${declared.oneOf[0] || '"" (leave it out)'}. ${declared.doc}`;
    }
  }
  if (typeof value === 'number') {
    if (declared.min !== undefined && value < declared.min) return `must be at least ${declared.min}`;
    if (declared.max !== undefined && value > declared.max) return `must be at most ${declared.max}`;
  }
  const problem = declared.validate?.(value) ?? null;
  // What a key is for is what helps where only its plugin knows what is right.
  return problem === null ? null : `${sentence(problem)}${problem.includes('\n') ? '\n' : ' '}${declared.doc}`;
}

/**
 * The keys of `raw` that none of the declarations knows, each with the declared key it resembles most.
 * Called by the worker, which knows all declarations that share one flat map.
 */
export function unknownKeys(defs: readonly ConfigDef[], raw: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const declared = new Set(defs.flatMap((def) => Object.keys(def)));
  const families = [...declared].filter((key) => key.endsWith('.*')).map((key) => key.slice(0, -1));
  const problems: ConfigProblem[] = [];
  for (const key of Object.keys(raw)) {
    if (declared.has(key) || families.some((family) => key.startsWith(family))) continue;
    const hint = closest(key, [...declared]);
    const advice = hint === null ? 'Remove it, or look up the name in the documentation.' : `Did you mean "${hint}"?`;
    problems.push({ key, value: raw[key], message: `Unknown configuration "${key}". ${advice}` });
  }
  return problems;
}

/** The candidate within a third of the word's length in edits, or null. */
export function closest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment: as Levenshtein's, and two letters that changed places are one mistake. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(next[j - 1]! + 1, row[j]! + 1, substitution);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) distance = Math.min(distance, before[j - 2]! + 1);
      next.push(distance);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
