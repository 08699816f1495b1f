/**
 * Functions made for the names of members, each at home in few shapes: V8 learns the shapes that such a function reads and
 * changes, while a loop over all names looks each up in each object, at three times the cost. Names are quoted as JSON, so
 * they are never code. Made once for records without number, by transforms and what they remember.
 */
import type { ConnectValue } from './schema.ts';

/** The members of a struct or map. */
export type Fields = { readonly [field: string]: ConnectValue };

/** Gives an object, which is nobody else's, a value for each of the names; one that is there keeps its place. */
export type AddAll = (object: Record<string, ConnectValue>, values: readonly ConnectValue[]) => void;

/** Answers whether none of the names is a member, nor known to every object (`constructor`). */
export type HasNone = (fields: Fields) => boolean;

/** By name and number of places, so that what was made once serves all records with such members. */
const adders = new Map<string, AddAll>();
/** Names come from configs; who changes them for ever must not fill the memory. */
const ADDERS_MAX = 1_000;

/** Makes, or finds, the function that adds members of these names. */
export function addAll(names: readonly string[]): AddAll {
  const key = JSON.stringify(names);
  const known = adders.get(key);
  if (known !== undefined) return known;
  const lines = names.map((name, index) => `object[${JSON.stringify(name)}] = values[${index}];`);
  // Written to, this name would set the prototype.
  const code = names.includes('__proto__') ? null : made('object, values', lines.join('\n'));
  const adder = (code as AddAll | null) ?? addOneByOne(names);
  if (adders.size >= ADDERS_MAX) adders.clear();
  adders.set(key, adder);
  return adder;
}

function addOneByOne(names: readonly string[]): AddAll {
  return (object, values) => {
    for (const [index, name] of names.entries()) {
      Object.defineProperty(object, name, {
        value: values[index],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  };
}

/** Makes a function for whoever may put members behind others only where no name comes twice. */
export function hasNone(names: readonly string[]): HasNone {
  const tests = names.map((name) => `${JSON.stringify(name)} in fields`);
  const code = made('fields', `return !(${tests.join(' || ')});`);
  return (code as HasNone | null) ?? ((fields) => !names.some((name) => name in fields));
}

/** Null where Node was told to make no code of texts. */
function made(parameters: string, body: string): unknown {
  try {
    return new Function(parameters, body);
  } catch {
    return null;
  }
}
