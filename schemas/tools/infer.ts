/**
 * A JSON Schema from examples: what all of the values seen have in common, closed, so that it can grow later.
 *
 * Pure. A property that every object had is required; texts that all look like dates, UUIDs or e-mail addresses get that
 * format; an object with more names than {@link PROPERTIES_MAX} is a map. Nothing of the values themselves is kept but
 * few repeated short texts, where enums are asked for.
 */
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';

export interface InferOptions {
  /** Name of the whole, which also becomes the type's name. */
  readonly title?: string;
  /** Make an enum of a text that has at most {@link ENUM_MAX} values in at least twice as many records each. */
  readonly enums?: boolean;
}

/** An object with more names uses them as keys of a map, not as fields. */
const PROPERTIES_MAX = 500;
const ENUM_MAX = 12;
const ENUM_LENGTH_MAX = 60;
/** Deeper values count as anything. */
const DEPTH_MAX = 100;

const FORMATS: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  email: /^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$/,
  ipv4: /^(\d{1,3})(\.\d{1,3}){3}$/,
};

/** What was seen at one place. */
interface Place {
  seen: number;
  readonly types: Set<string>;
  /** Formats that every text had so far. */
  formats: string[] | null;
  /** Values of texts, null once they are too many. */
  texts: Map<string, number> | null;
  objects: number;
  /** Null once there are too many names for fields. */
  properties: Map<string, Place> | null;
  /** Items of arrays; values of maps. */
  items: Place | null;
  values: Place | null;
}

/** Takes one value after the other; `schema` may be asked at any time. */
export class Inference {
  readonly #root = newPlace();
  readonly #options: InferOptions;

  constructor(options: InferOptions = {}) {
    this.#options = options;
  }

  /** Values seen so far. */
  get count(): number {
    return this.#root.seen;
  }

  add(value: JsonValue): void {
    see(this.#root, value, 0);
  }

  schema(): JsonObject {
    const { title } = this.#options;
    return {
      $schema: 'http://json-schema.org/draft-07/schema#',
      ...(title === undefined ? {} : { title }),
      ...schemaOf(this.#root, this.#options.enums ?? false),
    };
  }
}

function newPlace(): Place {
  return {
    seen: 0,
    types: new Set(),
    formats: null,
    texts: new Map(),
    objects: 0,
    properties: new Map(),
    items: null,
    values: null,
  };
}

function see(place: Place, value: JsonValue, depth: number): void {
  place.seen++;
  if (depth > DEPTH_MAX) place.types.add('anything');
  else if (value === null) place.types.add('null');
  else if (Array.isArray(value)) {
    place.types.add('array');
    place.items ??= newPlace();
    for (const item of value) see(place.items, item, depth + 1);
  } else if (isObject(value)) seeObject(place, value, depth);
  else if (typeof value === 'string') seeText(place, value);
  else place.types.add(Number.isInteger(value) ? 'integer' : typeof value);
}

function seeObject(place: Place, object: JsonObject, depth: number): void {
  place.types.add('object');
  place.objects++;
  for (const [name, value] of Object.entries(object)) {
    if (place.properties === null) {
      see(place.values!, value, depth + 1);
      continue;
    }
    const property = place.properties.get(name) ?? newPlace();
    place.properties.set(name, property);
    see(property, value, depth + 1);
    if (place.properties.size > PROPERTIES_MAX) {
      const merged = newPlace();
      for (const each of place.properties.values()) merge(merged, each);
      place.values = merged;
      place.properties = null;
    }
  }
}

function seeText(place: Place, text: string): void {
  place.types.add('string');
  place.formats = (place.formats ?? Object.keys(FORMATS)).filter((format) => FORMATS[format]!.test(text));
  if (place.texts === null) return;
  if (text.length > ENUM_LENGTH_MAX) place.texts = null;
  else if (place.texts.set(text, (place.texts.get(text) ?? 0) + 1).size > ENUM_MAX) place.texts = null;
}

/** What two places had, as one: for the values of a map. */
function merge(into: Place, from: Place): void {
  into.seen += from.seen;
  into.objects += from.objects;
  for (const type of from.types) into.types.add(type);
  if (from.types.has('string')) {
    const formats = from.formats ?? [];
    into.formats = into.formats === null ? formats : into.formats.filter((format) => formats.includes(format));
  }
  into.texts = null;
  for (const [name, property] of from.properties ?? []) {
    const known = into.properties?.get(name) ?? newPlace();
    into.properties?.set(name, known);
    merge(known, property);
  }
  for (const part of ['items', 'values'] as const) {
    if (from[part] === null) continue;
    into[part] ??= newPlace();
    merge(into[part], from[part]);
  }
  if (from.properties === null) into.properties = null;
}

function schemaOf(place: Place, enums: boolean): JsonObject {
  const types = new Set(place.types);
  if (types.size === 0 || types.has('anything')) return {};
  if (types.has('number')) types.delete('integer');
  const sorted = [...types].sort();
  return {
    type: sorted.length === 1 ? sorted[0]! : sorted,
    ...(types.has('string') ? textKeywords(place, enums && sorted.length === 1) : {}),
    ...(types.has('object') ? objectKeywords(place, enums) : {}),
    ...(types.has('array') ? { items: schemaOf(place.items ?? newPlace(), enums) } : {}),
  };
}

function textKeywords({ texts, formats, seen }: Place, enums: boolean): JsonObject {
  if (enums && texts !== null && seen >= texts.size * 2) return { enum: [...texts.keys()].sort() };
  const format = formats?.[0];
  return format === undefined ? {} : { format };
}

function objectKeywords({ properties, values, objects }: Place, enums: boolean): JsonObject {
  if (properties === null) return { additionalProperties: values === null ? true : schemaOf(values, enums) };
  const named = [...properties];
  const required = named.filter(([, property]) => property.seen === objects).map(([name]) => name);
  return {
    properties: Object.fromEntries(named.map(([name, property]) => [name, schemaOf(property, enums)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}
