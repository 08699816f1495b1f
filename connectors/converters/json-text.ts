/** JSON between bytes and Connect values, with the converters' own word for what is not JSON. */
import { type ConnectValue, parseJson as parse } from '../api/index.ts';
import { badData } from './errors.ts';

export { stringifyJson } from '../api/index.ts';

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
