/**
 * Declarations for keys that existing configs bring along and that have nothing, or only one thing, to decide here: each with the
 * reason, which is what the user reads in the tables of keys and in the error.
 */
import type { ConfigKey, ConfigType } from '../api/index.ts';

type Default = string | number | boolean | null;

/** A key that may have any value. */
export const any = (type: ConfigType, value: Default, why: string): ConfigKey => {
  return { type, default: value, importance: 'low', doc: `Accepted; ${why}` };
};

/** A key that may only have this value. */
export const only = (type: ConfigType, value: string | number | boolean, why: string): ConfigKey => {
  return { type, default: value, oneOf: [String(value)], importance: 'low', doc: `Only \`${value}\`; ${why}` };
};

/** Words that Debezium knows, none of which has an effect here. */
export const word = (values: readonly string[], why: string): ConfigKey => {
  return { type: 'string', default: values[0]!, oneOf: values, importance: 'low', doc: `Accepted; ${why}` };
};

/** A key that asks for what is not here: it may only be left out. */
export const refused = (why: string): ConfigKey => {
  const validate = (value: unknown) => (value === null || value === '' ? null : 'has to be left out');
  return { type: 'string', default: null, importance: 'low', doc: `Refused; ${why}`, validate };
};

/** Where the worker does by itself what the key is about. */
export const WORKER_RETRIES = 'the worker tries again by itself (`errors.retry.timeout`, `restart.on.failure`).';
