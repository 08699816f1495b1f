/**
 * Where two answers differ: status, headers, and every place of the body. Members and list items that only we have are
 * no difference (a client of Kafka Connect does not ask for them); what they have and we have not, or otherwise, is.
 */
import type { Answer } from './walker.ts';

export interface Difference {
  /** `status`, `header location`, `body.configs[tasks.max].value.errors` … */
  readonly place: string;
  readonly theirs: unknown;
  readonly ours: unknown;
}

export function differences(theirs: Answer, ours: Answer): Difference[] {
  const found: Difference[] = [];
  if (theirs.status !== ours.status) found.push({ place: 'status', theirs: theirs.status, ours: ours.status });
  for (const [name, value] of Object.entries(theirs.headers)) {
    if (ours.headers[name] !== value) found.push({ place: `header ${name}`, theirs: value, ours: ours.headers[name] });
  }
  compare('body', theirs.body, ours.body, found);
  return found;
}

function compare(place: string, theirs: unknown, ours: unknown, found: Difference[]): void {
  if (Array.isArray(theirs) && Array.isArray(ours)) compareLists(place, theirs, ours, found);
  else if (isObject(theirs) && isObject(ours)) {
    for (const [name, member] of Object.entries(theirs)) compare(`${place}.${name}`, member, ours[name], found);
  } else if (theirs !== ours) found.push({ place, theirs, ours });
}

function compareLists(place: string, theirs: readonly unknown[], ours: readonly unknown[], found: Difference[]): void {
  // What we recommend beyond what they recommend is ours to say.
  if (theirs.length === 0 && place.endsWith('.recommended_values')) return;
  const names = theirs.map(identity);
  if (theirs.length > 0 && names.every((name) => name !== null)) {
    const known = new Map(ours.map((item) => [identity(item), item]));
    for (const [index, item] of theirs.entries()) {
      const name = names[index]!;
      if (known.has(name)) compare(`${place}[${name}]`, item, known.get(name), found);
      else found.push({ place: `${place}[${name}]`, theirs: item, ours: undefined });
    }
    return;
  }
  if (theirs.length !== ours.length) found.push({ place, theirs, ours });
  else for (const [index, item] of theirs.entries()) compare(`${place}[${index}]`, item, ours[index], found);
}

/** What tells the items of a list of keys, plugins or classes apart. */
function identity(item: unknown): string | null {
  if (typeof item === 'string') return /^[A-Za-z][\w.$ :]*$/.test(item) ? item : null;
  if (!isObject(item)) return null;
  if (isObject(item.definition)) return String(item.definition.name);
  if (typeof item.class === 'string') return `${item.type} ${item.class}`;
  return typeof item.name === 'string' ? item.name : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
