/**
 * Functions made for the names of members, each at home in one shape: V8 learns the shape of what such a function reads
 * and makes, while one function for all names looks every name up again, at three times the cost and more. Made once per
 * name, not per record; names are quoted as JSON, so they are never code. For transforms and what they remember.
 */
import type { ConnectValue } from './schema.ts';

/** The members of a struct or map. */
export type Fields = { readonly [field: string]: ConnectValue };

/** Answers a copy of the fields in which the members have these values, as many as there are names. */
export type WithMembers = (fields: Fields, values: readonly ConnectValue[]) => Record<string, ConnectValue>;

/** Answers whether none of the names is a member, nor known to every object (`constructor`). */
export type HasNone = (fields: Fields) => boolean;

/** For copies with more members, or others in their place. */
export function withMembers(names: readonly string[]): WithMembers {
  const members = names.map((name, index) => `, ${JSON.stringify(name)}: values[${index}]`).join('');
  // In an object's literal this name would set the prototype.
  const code = names.includes('__proto__') ? null : made('fields, values', `({ ...fields${members} })`);
  return (code as WithMembers | null) ?? ((fields, values) => copied(fields, names, values));
}

function copied(fields: Fields, names: readonly string[], values: readonly ConnectValue[]) {
  let copy: Record<string, ConnectValue> = { ...fields };
  for (let index = 0; index < names.length; index++) copy = { ...copy, [names[index]!]: values[index]! };
  return copy;
}

/** For whoever may put members behind others only where no name comes twice. */
export function hasNone(names: readonly string[]): HasNone {
  const tests = names.map((name) => `${JSON.stringify(name)} in fields`).join(' || ');
  const code = made('fields', `!(${tests})`);
  return (code as HasNone | null) ?? ((fields) => !names.some((name) => name in fields));
}

/** Null where Node was told to make no code of texts. */
function made(parameters: string, expression: string): unknown {
  try {
    return new Function(parameters, `return ${expression};`);
  } catch {
    return null;
  }
}
