/**
 * Reads request bodies and queries into what the worker takes, and says in a sentence what is wrong with them.
 */
import { randomUUID } from 'node:crypto';
import type { Signal } from '../../connectors/api/index.ts';
import { RequestError } from '../errors.ts';
import type { TargetState } from '../stores/config-store.ts';
import type { OffsetEntry } from '../worker/connector-offsets.ts';

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(body: unknown, what = 'The request body'): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields;
  throw new RequestError(400, `${what} must be a JSON object.`);
}

/** A flat map of strings; numbers and booleans are taken as their text, as Kafka Connect's parser does. */
export function configOf(body: unknown, what = 'The connector configuration'): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(fieldsOf(body, what))) config[key] = textOf(key, value);
  return config;
}

/** As {@link configOf}, but null is kept: it deletes the key. */
export function patchOf(body: unknown): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(fieldsOf(body))) changes[key] = value === null ? null : textOf(key, value);
  return changes;
}

function textOf(key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const shown = value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
  throw new RequestError(400, `The value of configuration "${key}" is ${shown}; it must be text. Write it in quotes.`);
}

/** `{id?, type, data?}` */
export function signalOf(body: unknown): Signal {
  const { id, type, data, ...rest } = fieldsOf(body);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) {
    throw new RequestError(400, `Unrecognized field "${unknown}": a signal is {id, type, data}.`);
  }
  if (typeof type !== 'string' || type === '') throw new RequestError(400, 'A signal needs a "type".');
  return {
    id: id === undefined ? randomUUID() : String(id),
    type,
    data: fieldsOf(data ?? {}, 'The "data" of a signal'),
  };
}

const initialStates: Record<string, TargetState> = { RUNNING: 'STARTED', PAUSED: 'PAUSED', STOPPED: 'STOPPED' };

/** `{name, config, initial_state?}` */
export function createRequestOf(body: unknown): { name: string; config: Record<string, string>; initial: TargetState } {
  const { name, config, initial_state: state, ...rest } = fieldsOf(body);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) {
    throw new RequestError(400, `Unrecognized field "${unknown}": a connector is {name, config, initial_state}.`);
  }
  const flat = configOf(config ?? {}, 'The "config" of a connector');
  const given = typeof name === 'number' ? String(name) : (name ?? flat.name);
  if (typeof given !== 'string') throw new RequestError(400, 'A connector needs a "name".');
  const initial = state == null ? 'STARTED' : initialStates[String(state).toUpperCase()];
  if (initial === undefined) {
    throw new RequestError(400, `initial_state is ${JSON.stringify(state)}; it must be RUNNING, PAUSED or STOPPED.`);
  }
  return { name: given.trim(), config: flat, initial };
}

/** `{offsets: [{partition: {…}, offset: {…} | null}]}` */
export function offsetsOf(body: unknown): OffsetEntry[] {
  const { offsets, ...rest } = fieldsOf(body);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined)
    throw new RequestError(400, `Unrecognized field "${unknown}": expected is {offsets: […]}.`);
  if (offsets == null) return [];
  if (!Array.isArray(offsets)) throw new RequestError(400, '"offsets" must be a list of {partition, offset}.');
  return offsets.map((entry: unknown) => {
    const { partition, offset } = fieldsOf(entry, 'Each member of "offsets"');
    const fields = offset === null ? null : fieldsOf(offset, 'The "offset" of a partition');
    return { partition: fieldsOf(partition, 'The "partition" of an offset'), offset: fields };
  });
}

export function flag(value: unknown): boolean {
  return String(value ?? 'false').toLowerCase() === 'true';
}

/** A repeatable query parameter. */
export function listOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
