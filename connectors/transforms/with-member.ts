/**
 * Copies of plain objects with one member more, made by a function of its own for each name: V8 learns the shape of what
 * such a function copies and makes, while one function for all names looks every name up again (3.5 times the cost for
 * five fields). Made once, when a transform is configured; the name is quoted as JSON, so it is never code.
 */
import type { ConnectValue } from '../api/index.ts';
import type { Fields } from './side.ts';

/** Answers a copy of the fields in which the member has this value. */
export type WithMember = (fields: Fields, value: ConnectValue) => Record<string, ConnectValue>;

export function withMember(name: string): WithMember {
  // In an object's literal this name would set the prototype.
  if (name === '__proto__') return generic(name);
  try {
    return new Function('fields', 'value', `return { ...fields, ${JSON.stringify(name)}: value };`) as WithMember;
  } catch {
    // Node was told to make no code of texts.
    return generic(name);
  }
}

function generic(name: string): WithMember {
  return (fields, value) => ({ ...fields, [name]: value });
}
