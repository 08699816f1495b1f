/**
 * Judges records for the broker: does this key or value follow the schema it names, and may it stand in this topic? The
 * broker's port `SchemaCheck`, kept by the registry in the same process. Step 5 of the record's journey.
 *
 * Everything here is synchronous; a schema is compiled when its first record comes, and kept by id (judges.ts).
 */
import { avroJudge } from './avro/parse.ts';
import type { RegistryCore } from './core.ts';
import { RegistryError } from './errors.ts';
import { type Judge, Judges, type RecordFault } from './judges.ts';
import type { SchemaContent, SchemaVersion } from './model.ts';
import { contextOf } from './subject-name.ts';
import type { SchemaUsage } from './usage.ts';
import { type BytesValidator, compileForBytes, firstProblem } from './validation/compile.ts';
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

/** Confluent's magic byte for a GUID in a header (schema registry 8). */
const GUID_MAGIC = 1;
const GUID_HEADERS: Readonly<Record<Side, string>> = { key: '__key_schema_id', value: '__value_schema_id' };

/** An id that no schema has: it is then said not to be found. */
const NO_ID = -1;

/** The port: the conditions that a schema's data rules make on what is written; null where it has none. */
export type WriteConditions = (
  schema: Pick<SchemaContent, 'schemaType' | 'schema' | 'metadata' | 'ruleSet'>,
  what: string,
) => ((message: unknown) => RecordFault | null) | null;

export interface RecordCheckOptions {
  readonly conditions?: WriteConditions;
  readonly usage?: SchemaUsage;
}

/** A fault, or its message alone; null when all is well. */
type Answer = RecordFault | string | null;

export class RecordCheck {
  readonly #core: RegistryCore;
  readonly #conditions: WriteConditions;
  readonly #usage: SchemaUsage | null;
  readonly #judges: Judges;
  /** Which version an id means for a topic's side, as long as the registry has not changed. */
  readonly #named = new Map<string, Map<number, SchemaVersion>>();
  readonly #latest = new Map<string, SchemaVersion>();
  #revision = -1;
  /** The subject of the last record's place: records come in batches, and making its name takes longer than finding it. */
  #lastTopic = '';
  #lastSide: Side = 'value';
  #lastSubject = '-value';

  constructor(core: RegistryCore, { conditions = () => null, usage }: RecordCheckOptions = {}) {
    this.#core = core;
    this.#conditions = conditions;
    this.#usage = usage ?? null;
    this.#judges = new Judges({
      make: (id, version) => this.#judgeOf(id, version),
      isShort: (version) => core.isShort(version),
      compileElsewhere: (version) => core.compileElsewhere(version),
    });
  }

  /** What is wrong with the bytes; null when they fit. `client` is who sent them, for the count of uses. */
  problem(
    topic: string,
    side: Side,
    bytes: Buffer,
    headers: readonly Header[],
    wish: Wish,
    client = '',
  ): RecordFault | null {
    try {
      const fault = this.#problem({ topic, side, client }, bytes, headers, wish);
      return typeof fault === 'string' ? { message: fault, deadLetterTopic: null } : fault;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return { message: `The ${side} cannot be checked: ${error.message}.`, deadLetterTopic: null };
    }
  }

  #problem(place: Place, bytes: Buffer, headers: readonly Header[], wish: Wish): Answer {
    const { topic, side } = place;
    const subject = this.#subjectOf(topic, side);
    const guid = headers.length === 0 ? null : (headers.find(({ key }) => key === GUID_HEADERS[side])?.value ?? null);
    if (guid !== null) return this.#judgedAs(this.#idOfGuid(guid), subject, place, bytes, 0, wish);
    if (wireProblem(bytes) === null) {
      return this.#judgedAs(readSchemaId(bytes), subject, place, bytes, PREFIX_BYTES, wish);
    }
    if (wish.unframed === 'refuse') {
      return `The ${side} names no schema: ${wireProblem(bytes)} Serialise it with a schema registry client, or set schema.validation.unframed=latest.`;
    }
    const latest = this.#latestOf(subject);
    return this.#body(latest.id, latest, bytes, 0, place);
  }

  #subjectOf(topic: string, side: Side): string {
    if (topic === this.#lastTopic && side === this.#lastSide) return this.#lastSubject;
    this.#lastTopic = topic;
    this.#lastSide = side;
    this.#lastSubject = `${topic}-${side}`;
    return this.#lastSubject;
  }

  #idOfGuid(bytes: Buffer): number {
    if (bytes.length !== 17 || bytes[0] !== GUID_MAGIC) return NO_ID;
    const hex = bytes.toString('hex', 1);
    const guid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    return this.#core.byGuid(guid)[0]!.entry.id;
  }

  #judgedAs(id: number, subject: string, place: Place, bytes: Buffer, from: number, wish: Wish): Answer {
    const version = this.#versionOf(id, wish.strategy === 'topic' ? subject : '');
    if (version === undefined) {
      return `The ${place.side} names schema ${id}, which is not registered under "${subject}".`;
    }
    return this.#body(id, version, bytes, from, place);
  }

  #forgetWhatChanged(): void {
    if (this.#revision === this.#core.revision) return;
    this.#revision = this.#core.revision;
    this.#named.clear();
    this.#latest.clear();
  }

  #latestOf(subject: string): SchemaVersion {
    this.#forgetWhatChanged();
    const known = this.#latest.get(subject);
    if (known !== undefined) return known;
    const version = this.#core.version(subject, 'latest');
    this.#latest.set(subject, version);
    return version;
  }

  /** The live version with an id, under any subject where none is named. */
  #versionOf(id: number, subject: string): SchemaVersion | undefined {
    this.#forgetWhatChanged();
    const known = this.#named.get(subject)?.get(id);
    if (known !== undefined) return known;
    let version: SchemaVersion | undefined;
    for (const each of this.#core.byId(id).versions.values()) {
      if (!each.deleted && (subject === '' || each.subject === subject)) version = each;
    }
    if (version === undefined) return undefined;
    const ids = this.#named.get(subject) ?? new Map<number, SchemaVersion>();
    this.#named.set(subject, ids.set(id, version));
    return version;
  }

  #body(id: number, version: SchemaVersion, bytes: Buffer, from: number, { topic, side, client }: Place): Answer {
    const fault = this.#judged(id, version, bytes, from, side);
    if (fault === null) this.#usage?.saw('produced', contextOf(version.subject), id, client, topic);
    return fault;
  }

  #judged(id: number, version: SchemaVersion, bytes: Buffer, from: number, side: Side): Answer {
    return this.#judges.of(id, version)(bytes, from, side);
  }

  #judgeOf(id: number, version: SchemaVersion): Judge {
    const what = `schema ${id} ("${version.subject}" version ${version.version})`;
    return version.schemaType === 'AVRO'
      ? avroBody(avroJudge(version.schema, this.#core.referencesOf(version)), what)
      : jsonBody(
          compileForBytes(version.schema, this.#core.referencesOf(version)),
          this.#conditions(version, what),
          what,
        );
  }
}

/** Where a record is, and who sent it. */
interface Place {
  readonly topic: string;
  readonly side: Side;
  readonly client: string;
}

function avroBody(judge: (bytes: Buffer) => string | null, what: string): Judge {
  return (bytes, from, side) => {
    const problem = judge(bytes.subarray(from));
    return problem === null ? null : refused(`The ${side} does not fit ${what}: ${problem}.`);
  };
}

function jsonBody({ fits, validate }: BytesValidator, condition: ReturnType<WriteConditions>, what: string): Judge {
  return (bytes, from, side) => {
    // Conditions ask the value; without them most records need not become one.
    if (condition === null && fits(bytes, from)) return null;
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8', from));
    } catch (error) {
      return refused(`The ${side} is no JSON: ${(error as Error).message}.`);
    }
    if (validate(value) !== true) return refused(`The ${side} does not fit ${what}: ${firstProblem(validate.errors)}.`);
    return condition === null ? null : condition(value);
  };
}

function refused(message: string): RecordFault {
  return { message, deadLetterTopic: null };
}
