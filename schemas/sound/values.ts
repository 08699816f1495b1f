/** JSON values beside one another, as our validator sees them: equality, and the length of a text. Pure. */
import { isObject, type JsonValue } from '../parse/json-text.ts';

export function isEqual(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index]!));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && isEqual(a[name]!, b[name]!));
}

/** Characters as JSON Schema counts them: code points, an unpaired surrogate being one. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
