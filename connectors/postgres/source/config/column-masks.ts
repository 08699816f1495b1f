/**
 * Debezium's column masks: text columns hidden, cut short or hashed before a record is made, by keys that carry their own
 * parameters (`column.mask.with.5.chars`, `column.truncate.to.20.chars`, `column.mask.hash.v2.SHA-256.with.salt.pepper`).
 */

import { createHash, getHashes } from 'node:crypto';
import { javaRegex } from '../../../api/index.ts';
import type { ColumnMapping } from '../../types/mapping.ts';

/** A key's mask. */
export interface ColumnMask {
  /** Debezium tells of a column's source type or hides it, never both; of a hashed one it tells. */
  readonly hidesType: boolean;
  /** What it makes of the mapping of a column of this type. */
  apply(mapping: ColumnMapping, type: MaskedType): ColumnMapping;
}

export interface MaskedType {
  /** As the catalogue calls it, below domains. */
  readonly name: string;
  /** That of varchar(n) and char(n), or null. */
  readonly length: number | null;
}

/** The zero of text. */
const EMPTY = '""';

/** A part of their text is another number, or no time at all; modes may write them as text all the same. */
const UNCUT = new Set('numeric money date time timetz timestamp timestamptz interval'.split(' '));

const WITH_CHARS = /^column\.mask\.with\.(\d+)\.chars$/;
const TRUNCATE = /^column\.truncate\.to\.(\d+)\.chars$/;
const HASH = /^column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.*)$/;

const FAMILIES = [TRUNCATE, WITH_CHARS, HASH];

/** Why a key of these families is none, or null. */
export function maskKeyProblem(key: string): string | null {
  const hash = HASH.exec(key);
  if (hash !== null && digestName(hash[2]!) === null) {
    return `Configuration "${key}" names the hash "${hash[2]}", which is not known here; use SHA-256 or another of: ${getHashes().join(', ')}.`;
  }
  if (hash !== null || WITH_CHARS.test(key) || TRUNCATE.test(key)) return null;
  return `Unknown configuration "${key}". Masks are column.mask.with.N.chars, column.truncate.to.N.chars and column.mask.hash.ALGORITHM.with.salt.SALT.`;
}

/**
 * The mask of a column by its full name `schema.table.column`; the first key that matches decides, those that cut before those
 * that hide, and both before those that hash, as in Debezium.
 */
export function compileMasks(raw: Readonly<Record<string, string>>): (fullName: string) => ColumnMask | null {
  const rules = FAMILIES.flatMap((family) =>
    Object.entries(raw).flatMap(([key, patterns]) => {
      const mask = family.test(key) ? maskOf(key) : null;
      if (mask === null) return [];
      return [{ mask, patterns: patterns.split(/\s*,\s*/).map((pattern) => javaRegex(pattern, 'i')) }];
    }),
  );
  return (fullName) => rules.find(({ patterns }) => patterns.some((pattern) => pattern.test(fullName)))?.mask ?? null;
}

function maskOf(key: string): ColumnMask | null {
  const stars = WITH_CHARS.exec(key);
  if (stars !== null) return constant('*'.repeat(Number(stars[1])));
  const cut = TRUNCATE.exec(key);
  if (cut !== null) return truncated(Number(cut[1]));
  const hash = HASH.exec(key);
  return hash === null ? null : hashed(digestName(hash[2]!)!, hash[3]!, hash[1] !== undefined);
}

/** Java's names carry a hyphen where OpenSSL's do not. */
function digestName(java: string): string | null {
  const known = getHashes().map((name) => name.toLowerCase());
  const names = [java.toLowerCase(), java.toLowerCase().replace('-', '')];
  return names.find((name) => known.includes(name)) ?? null;
}

function isText(mapping: ColumnMapping): boolean {
  return mapping.schema.type === 'string';
}

/** The same for every value, null included: even that there is none is nobody's business. */
function constant(text: string): ColumnMask {
  const json = JSON.stringify(text);
  return {
    hidesType: true,
    apply: (mapping) =>
      isText(mapping)
        ? {
            ...withParameter(mapping, 'masked', 'true'),
            write: (out) => out.ascii(json),
            whenNull: json,
            ...(mapping.zero === EMPTY ? { absent: { null: json, zero: json } } : {}),
          }
        : mapping,
  };
}

function truncated(length: number): ColumnMask {
  const write: ColumnMapping['write'] = (out, source, start, end) => {
    const text = source.toString('utf8', start, end);
    if (text.length <= length) out.string(source, start, end);
    else out.text(text.slice(0, length));
  };
  return {
    hidesType: true,
    apply: (mapping, { name }) =>
      isText(mapping) && !UNCUT.has(name)
        ? { ...withParameter(mapping, 'truncateLength', String(length)), write }
        : mapping,
  };
}

/**
 * The hash of salt and value, no longer than the column. Version 1 hashes the value as Java serialises a string (a header,
 * its length in two bytes, UTF-8); version 2 its UTF-8 alone.
 */
function hashed(algorithm: string, salt: string, isPlain: boolean): ColumnMask {
  const apply: ColumnMask['apply'] = (mapping, { length }) => {
    if (!isText(mapping)) return mapping;
    const digestOf = (text: Buffer) => {
      const hash = createHash(algorithm).update(salt);
      if (!isPlain) hash.update(javaStringHeader(text.length));
      const digest = hash.update(text).digest('hex');
      return length === null ? digest : digest.slice(0, length);
    };
    const write: ColumnMapping['write'] = (out, source, start, end) => out.text(digestOf(source.subarray(start, end)));
    // As Debezium does, which hashes the empty text that stands for what an old row lacks.
    const absent = { null: 'null', zero: mapping.zero === EMPTY ? `"${digestOf(Buffer.alloc(0))}"` : mapping.zero };
    return { ...withParameter(mapping, 'masked', 'true'), write, absent };
  };
  return { hidesType: false, apply };
}

const SHORT_STRING_MAX = 0xffff;

/** `STREAM_MAGIC STREAM_VERSION TC_STRING length`, or TC_LONGSTRING with eight bytes (Java Object Serialization). */
function javaStringHeader(bytes: number): Buffer {
  if (bytes <= SHORT_STRING_MAX) return Buffer.from([0xac, 0xed, 0, 5, 0x74, bytes >> 8, bytes & 0xff]);
  const header = Buffer.from([0xac, 0xed, 0, 5, 0x7c, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes, 9);
  return header;
}

function withParameter(mapping: ColumnMapping, name: string, value: string): ColumnMapping {
  const parameters = { ...mapping.schema.parameters, [name]: value };
  return { ...mapping, schema: { ...mapping.schema, parameters } };
}
