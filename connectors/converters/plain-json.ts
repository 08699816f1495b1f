/**
 * A Connect value without a schema as what JSON can hold: bytes as base64, dates as milliseconds, maps as objects (or
 * pairs, where a key is no text). Answers the very same object when there is nothing to change.
 */
import { type ConnectValue, JsonText } from '../api/index.ts';

export function plainJson(value: ConnectValue | JsonText): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof JsonText) return value.parse();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return plainArray(value);
  if (value instanceof Map) return plainMap(value);
  return plainFields(value as { readonly [field: string]: ConnectValue });
}

function plainArray(values: readonly ConnectValue[]): readonly unknown[] {
  let changed: unknown[] | null = null;
  for (let index = 0; index < values.length; index++) {
    const plain = plainJson(values[index]!);
    if (changed === null && plain !== values[index]) changed = values.slice(0, index);
    changed?.push(plain);
  }
  return changed ?? values;
}

function plainFields(fields: { readonly [field: string]: ConnectValue }): object {
  let changed: Record<string, unknown> | null = null;
  for (const name in fields) {
    const value = fields[name]!;
    if (typeof value !== 'object' || value === null) continue;
    const plain = plainJson(value);
    if (plain === value) continue;
    changed ??= { ...fields };
    changed[name] = plain;
  }
  return changed ?? fields;
}

function plainMap(map: ReadonlyMap<ConnectValue, ConnectValue>): unknown {
  const entries = [...map].map(([key, value]) => [plainJson(key), plainJson(value)] as const);
  return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : entries;
}
