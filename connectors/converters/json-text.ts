/**
 * JSON between bytes and Connect values, without losing whole numbers beyond 2^53. Shared by the JSON converters.
 *
 * The fast path is the engine's own JSON; only a text with a number of 16 digits or more is read again with its source
 * (ECMA-262 JSON.parse source text access), and only a value that holds a bigint is written with raw numbers.
 */
import { type ConnectValue, parseJson as parse } from '../api/index.ts';
import { badData } from './errors.ts';

/** ECMA-262 JSON.rawJSON, which the compiler's library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

export function textOf(bytes: Uint8Array): string {
  return bytes instanceof Buffer
    ? bytes.toString('utf8')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Throws a DataError when the bytes are not JSON. */
export function parseJson(bytes: Uint8Array): ConnectValue {
  try {
    return parse(bytes);
  } catch (cause) {
    throw badData(`The bytes are not JSON: ${(cause as Error).message}.`, cause);
  }
}

export function parseJsonText(text: string): ConnectValue {
  return parseJson(Buffer.from(text));
}

/** The value must consist of what JSON has, and bigints. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? rawJSON(each.toString()) : each));
  }
}
