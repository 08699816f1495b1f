/**
 * A smaller record with the same property: what a person reads should hold nothing that does not matter.
 *
 * Pure. Takes parts away and replaces values by plainer ones as long as `stillBreaks` says yes.
 */
import { isObject, type JsonValue } from '../../parse/json-text.ts';

/** Questions asked of `stillBreaks` at most. */
const MAX_TRIES = 400;
const PLAIN: readonly JsonValue[] = [0, '', 'a'];

export function shrunk(record: JsonValue, stillBreaks: (record: JsonValue) => boolean): JsonValue {
  let tries = 0;
  let current = record;
  for (let isSmaller = true; isSmaller && tries < MAX_TRIES; ) {
    isSmaller = false;
    for (const smaller of smallerThan(current)) {
      if (++tries > MAX_TRIES) break;
      if (!stillBreaks(smaller)) continue;
      current = smaller;
      isSmaller = true;
      break;
    }
  }
  return current;
}

function* smallerThan(value: JsonValue): Generator<JsonValue> {
  if (Array.isArray(value)) {
    for (const index of value.keys()) yield value.toSpliced(index, 1);
    for (const [index, item] of value.entries())
      for (const smaller of smallerThan(item)) yield value.with(index, smaller);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      const { [name]: _, ...rest } = value;
      yield rest;
    }
    for (const [name, member] of Object.entries(value)) {
      for (const smaller of smallerThan(member)) yield { ...value, [name]: smaller };
    }
  } else if (typeof value === 'string') {
    for (const plain of PLAIN) if (typeof plain === 'string' && plain.length < value.length) yield plain;
  } else if (typeof value === 'number' && value !== 0) yield 0;
}
