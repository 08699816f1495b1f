/**
 * Judges records for the broker: does this key or value follow the schema it names, and may it stand in this topic? The
 * broker's port `SchemaCheck`, kept by the registry in the same process. Step 5 of the record's journey.
 *
 * Everything here is synchronous; a schema is compiled when its first record comes, and kept by id.
 */
import type { RegistryCore } from './core.ts';
import { RegistryError } from './errors.ts';
import type { SchemaVersion } from './model.ts';
import type { NamedText } from './parse/parse-schema.ts';
import { compileSchema, firstProblem } from './validation/compile.ts';
import { PREFIX_BYTES, readSchemaId, wireProblem } from './wire.ts';

export type Side = 'key' | 'value';

/** What of a topic's wish matters here. */
export interface Wish {
  readonly strategy: 'topic' | 'record' | 'topic-record';
  readonly unframed: 'refuse' | 'latest';
}

interface Header {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Compiled schemas kept; an id beyond that is compiled again when it comes. */
const COMPILED_MAX = 1000;
/** Confluent's magic byte for a GUID in a header (schema registry 8). */
const GUID_MAGIC = 1;
const GUID_HEADERS: Readonly<Record<Side, string>> = { key: '__key_schema_id', value: '__value_schema_id' };

/** An id that no schema has: it is then said not to be found. */
const NO_ID = -1;

type Judge = (value: unknown) => string | null;

export class RecordCheck {
  readonly #core: RegistryCore;
  readonly #judges = new Map<number, Judge>();

  constructor(core: RegistryCore) {
    this.#core = core;
  }

  /** What is wrong with the bytes, in a sentence; null when they fit. */
  problem(topic: string, side: Side, bytes: Buffer, headers: readonly Header[], wish: Wish): string | null {
    try {
      return this.#problem(topic, side, bytes, headers, wish);
    } catch (error) {
      if (error instanceof RegistryError) return `The ${side} cannot be checked: ${error.message}.`;
      throw error;
    }
  }

  #problem(topic: string, side: Side, bytes: Buffer, headers: readonly Header[], wish: Wish): string | null {
    const subject = `${topic}-${side}`;
    const guid = headers.find(({ key }) => key === GUID_HEADERS[side])?.value ?? null;
    if (guid !== null) return this.#named(this.#idOfGuid(guid), subject, side, bytes, wish);
    if (wireProblem(bytes) === null) {
      return this.#named(readSchemaId(bytes), subject, side, bytes.subarray(PREFIX_BYTES), wish);
    }
    if (wish.unframed === 'refuse') {
      return `The ${side} names no schema: ${wireProblem(bytes)} Serialise it with a schema registry client, or set schema.validation.unframed=latest.`;
    }
    const latest = this.#core.version(subject, 'latest');
    return this.#body(latest.id, latest, bytes, side);
  }

  #idOfGuid(bytes: Buffer): number {
    if (bytes.length !== 17 || bytes[0] !== GUID_MAGIC) return NO_ID;
    const hex = bytes.toString('hex', 1);
    const guid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    return this.#core.byGuid(guid)[0]!.entry.id;
  }

  #named(id: number, subject: string, side: Side, body: Buffer, { strategy }: Wish): string | null {
    let version: SchemaVersion | undefined;
    for (const each of this.#core.byId(id).versions.values()) {
      if (!each.deleted && (strategy !== 'topic' || each.subject === subject)) version = each;
    }
    if (version === undefined) {
      return `The ${side} names schema ${id}, which is not registered under "${subject}".`;
    }
    return this.#body(id, version, body, side);
  }

  #body(id: number, version: SchemaVersion, body: Buffer, side: Side): string | null {
    let value: unknown;
    try {
      value = JSON.parse(body.toString());
    } catch (error) {
      return `The ${side} is no JSON: ${(error as Error).message}.`;
    }
    const problem = this.#judged(id, version, value);
    return problem === null
      ? null
      : `The ${side} does not fit schema ${id} ("${version.subject}" version ${version.version}): ${problem}.`;
  }

  #judged(id: number, version: SchemaVersion, value: unknown): string | null {
    try {
      return this.#judgeOf(id, version)(value);
    } catch (error) {
      if (error instanceof RegistryError) throw error;
      // Old logs hold schemas that nobody can compile, and ajv's code for a few rare nestings throws.
      return `the schema cannot judge it: ${(error as Error).message}`;
    }
  }

  #judgeOf(id: number, version: SchemaVersion): Judge {
    const known = this.#judges.get(id);
    if (known !== undefined) return known;
    if (this.#judges.size >= COMPILED_MAX) this.#judges.delete(this.#judges.keys().next().value!);
    const judge = compile(version.schema, this.#core.referencesOf(version));
    this.#judges.set(id, judge);
    return judge;
  }
}

function compile(text: string, references: readonly NamedText[]): Judge {
  const validate = compileSchema(text, references);
  return (value) => (validate(value) === true ? null : firstProblem(validate.errors));
}
