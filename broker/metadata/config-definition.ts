/**
 * A configuration key of the broker or of a topic, as DescribeConfigs shows it: Kafka's name, type, default and
 * meaning, with the check its values must pass. The tables are in topic-config.ts and broker-config.ts.
 */

export type ConfigType = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'password';

/** DescribeConfigs' numbers for them (KIP-569). */
export const configTypeCode: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  // Never shown, in no answer and no message.
  password: 9,
};

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  /** As written in a configuration. */
  readonly defaultValue: string;
  readonly doc: string;
  readonly min?: number;
  readonly max?: number;
  /** The values allowed; for a list, each of its members. */
  readonly oneOf?: readonly string[];
  /** What each member of a list must look like. */
  readonly form?: { readonly pattern: RegExp; readonly says: string };
  /** Whether a running broker takes a new value (KIP-226): for itself only, or for all; absent: it does not. */
  readonly update?: 'per-broker' | 'cluster-wide';
}

/** A value of a key, and where it comes from, in DescribeConfigs' numbers. */
export interface ConfigValue {
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

/** DescribeConfigs' numbers (DescribeConfigsResponse.ConfigSource). */
export const ConfigSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  brokerLogger: 6,
  group: 8,
} as const;

/** Long.MAX_VALUE, Kafka's "never". */
export const longMaxText = '9223372036854775807';

/** What is wrong with a value, as the end of a sentence; null when nothing is. */
export function problemWith(definition: ConfigDefinition, value: string): string | null {
  const text = value.trim();
  switch (definition.type) {
    case 'boolean':
      return /^(true|false)$/i.test(text) ? null : 'must be true or false';
    case 'password':
      return null;
    case 'string':
      return allowed(definition, [text]);
    case 'list':
      return allowed(definition, listOf(text));
    case 'double':
      return text !== '' && Number.isFinite(Number(text)) ? bounds(definition, Number(text)) : 'must be a number';
    default:
      return wholeNumber(definition, text);
  }
}

const integerBounds: Readonly<Record<string, number>> = { short: 2 ** 15, int: 2 ** 31, long: 2 ** 63 };

function wholeNumber(definition: ConfigDefinition, text: string): string | null {
  const limit = integerBounds[definition.type]!;
  if (!/^[+-]?\d+$/.test(text)) return 'must be a whole number';
  const value = Number(text);
  if (value < -limit || (value >= limit && text !== longMaxText))
    return `must be a whole number of type ${definition.type}`;
  return bounds(definition, value);
}

function bounds(definition: ConfigDefinition, value: number): string | null {
  if (definition.min !== undefined && value < definition.min) return `must be at least ${definition.min}`;
  if (definition.max !== undefined && value > definition.max) return `must be at most ${definition.max}`;
  return null;
}

function allowed(definition: ConfigDefinition, values: readonly string[]): string | null {
  const { form } = definition;
  if (form !== undefined && !values.every((value) => form.pattern.test(value))) return `must be ${form.says}`;
  const wrong = values.find((value) => definition.oneOf !== undefined && !definition.oneOf.includes(value));
  return wrong === undefined
    ? null
    : `must be ${definition.type === 'list' ? 'some' : 'one'} of ${definition.oneOf!.join(', ')}`;
}

export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** A number from a checked value; Kafka's "never" becomes the largest safe one. */
export function numberOf(text: string): number {
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}
