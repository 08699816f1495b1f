/**
 * What a column's mapping is, and the writers that several types share.
 */
import type { Schema } from '../../api/index.ts';
import type { JsonWriter } from './json-writer.ts';

export type DecimalMode = 'precise' | 'string' | 'double';
export type TimeMode =
  | 'adaptive'
  | 'adaptive_time_microseconds'
  | 'connect'
  | 'isostring'
  | 'microseconds'
  | 'nanoseconds';

/** How the user wants values written. */
export interface TypeModes {
  readonly decimal: DecimalMode;
  readonly time: TimeMode;
  readonly interval: 'numeric' | 'string';
  readonly binary: 'bytes' | 'base64' | 'base64-url-safe' | 'hex';
  readonly hstore: 'json' | 'map';
  readonly moneyFractionDigits: number;
  readonly includeUnknown: boolean;
  /** Stands for an unchanged TOAST value that the server did not send. */
  readonly unavailable: Buffer;
}

/** A type, as far as the catalogue had to be asked. */
export interface PgType {
  readonly oid: number;
  readonly name: string;
  /** `pg_type.typtype`: base, composite, domain, enum, pseudo, range, multirange. */
  readonly kind: string;
  /** A domain's base, with the base's modifier. */
  readonly base?: { readonly type: PgType; readonly modifier: number };
  readonly element?: PgType;
  /** An enum's labels in sort order. */
  readonly labels?: readonly string[];
}

/** Writes one value, given as text in `source[start, end)`, as JSON. Never called for NULL. */
export type WriteValue = (out: JsonWriter, source: Buffer, start: number, end: number) => void;

export interface ColumnMapping {
  /** Not optional; the column decides that. */
  readonly schema: Schema;
  readonly write: WriteValue;
  /** JSON that stands for a NOT NULL column the server did not send (deletes without full replica identity). */
  readonly zero: string;
  /** JSON that stands for an unchanged TOAST value; null where the type has no form for it. */
  readonly unavailable?: string;
}

export const writeRaw: WriteValue = (out, source, start, end) => out.copy(source, start, end);
export const writeText: WriteValue = (out, source, start, end) => out.string(source, start, end);

/** A writer by way of a JavaScript string that answers JSON: for rare types. */
export function writeConverted(convert: (text: string) => string): WriteValue {
  return (out, source, start, end) => out.raw(Buffer.from(convert(source.toString('utf8', start, end))));
}

/** The header of a variable-length value, which type modifiers count. */
const HEADER_BYTES = 4;

/** `numeric(p,s)` carries both in its modifier, `s` as a signed 11-bit number (since 15). */
export function numericModifier(modifier: number): { precision: number; scale: number } | null {
  if (modifier < HEADER_BYTES) return null;
  const packed = modifier - HEADER_BYTES;
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}
