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
  /** True where every character is to be Debezium's: floats, zones and eras as Java writes them, no hints of ours. */
  readonly isCompatible: boolean;
}

/** Bytes as text, by `binary.handling.mode`; `bytes` is base64 in JSON. */
export function binaryText(bytes: Buffer, mode: TypeModes['binary']): string {
  if (mode === 'hex') return bytes.toString('hex');
  const text = bytes.toString('base64');
  // Not Node's base64url, which leaves out the padding that Java writes.
  return mode === 'base64-url-safe' ? text.replaceAll('+', '-').replaceAll('/', '_') : text;
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
  /** Between elements of an array of this type, where that is no comma: boxes have a semicolon, shapes of PostGIS a colon. */
  readonly delimiter?: string;
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
  /** An enum's labels, as they were when the table was described. */
  readonly labels?: ReadonlySet<string>;
  /** Debezium calls some types optional even where the column is NOT NULL. */
  readonly isAlwaysOptional?: boolean;
  /** JSON that stands for NULL, where that is not null: a mask tells not even that. */
  readonly whenNull?: string;
  /** JSON that stands for null and for zero in an old row of which only the key is known; these themselves otherwise. */
  readonly absent?: { readonly null: string; readonly zero: string };
  /** Digits behind the point that every value has: a default with more is none, one with fewer gets zeros. */
  readonly scale?: number;
  /** JSON that stands for an unchanged TOAST value; null where the type has no form for it. */
  readonly unavailable?: string;
}

/** A float8 in the digits of Postgres, as `Double.toString` would write it. */
export function javaDouble(text: string): string {
  return SUBNORMAL_DOUBLE.test(text) ? javaFloat(Number(text).toPrecision(JAVA_DIGITS_MIN)) : javaFloat(text);
}

/** A float4 in the digits of Postgres, as `Float.toString` would write it. */
export function javaSingle(text: string): string {
  if (!SUBNORMAL_SINGLE.test(text)) return javaFloat(text);
  return javaFloat(Math.fround(Number(text)).toPrecision(JAVA_DIGITS_MIN));
}

/** So near to zero one digit tells a number from all others; Java writes two, those nearest to it. */
const SUBNORMAL_DOUBLE = /^-?\de-3[012]\d$/;
const SUBNORMAL_SINGLE = /^-?\de-(?:3[789]|4\d)$/;
const JAVA_DIGITS_MIN = 2;

function javaFloat(text: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text);
  if (parts === null) return JSON.stringify(text);
  const [, sign, whole, fraction = '', power = '0'] = parts;
  const all = whole! + fraction;
  const digits = all.replace(/^0+/, '').replace(/0+$/, '');
  if (digits === '') return `${sign}0.0`;
  // The value is 0.digits times ten to this power.
  const exponent = whole!.length + Number(power) - (all.length - all.replace(/^0+/, '').length);
  if (exponent > JAVA_PLAIN_MAX || exponent < JAVA_PLAIN_MIN) {
    return `${sign}${digits[0]}.${digits.slice(1) || '0'}E${exponent - 1}`;
  }
  if (exponent <= 0) return `${sign}0.${'0'.repeat(-exponent)}${digits}`;
  return `${sign}${digits.slice(0, exponent).padEnd(exponent, '0')}.${digits.slice(exponent) || '0'}`;
}

/** Java leaves out the exponent from 10^-3 up to 10^7. */
const JAVA_PLAIN_MIN = -2;
const JAVA_PLAIN_MAX = 7;

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
