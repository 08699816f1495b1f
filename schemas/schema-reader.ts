/**
 * From what a client sent to what is kept and compared: concrete references, canonical text, parsed schema.
 *
 * Reads the fold to resolve references and remembers the schemas parsed last; writes nothing.
 */
import { type AvroSchema, parseAvro } from './avro/parse.ts';
import { avroText, normalizedAvroText } from './avro/text.ts';
import type { Checker } from './checking/checker.ts';
import { errors } from './errors.ts';
import type { RegisterRequest, SchemaContent, SchemaReference, SchemaVersion } from './model.ts';
import { compactJson, sortedJson } from './parse/json-text.ts';
import { type NamedText, parseSchema, parseText, type SchemaLimits } from './parse/parse-schema.ts';
import type { RegistryState } from './state.ts';
import { contextOf, inContext } from './subject-name.ts';

/** Schemas remembered as sound: those that are being worked on. */
const MAX_VETTED = 200;
/** Characters of a schema, with what it refers to, that are judged in this thread: some milliseconds. */
const MAX_VETTED_HERE = 32_768;
/** Milliseconds for which a schema may keep whoever compiles it for records: a thousand properties take a third of that. */
const KEPT_BUDGET_MS = 2000;
/** Schemas one schema may reach through references. */
const MAX_REFERENCES = 1000;

export interface ReadingOptions {
  readonly isNormalized: boolean;
  /** It is to be kept, not to be found. */
  readonly isNew: boolean;
}

export class SchemaReader {
  readonly #state: RegistryState;
  /** What a text may cost. */
  readonly limits: SchemaLimits;
  readonly #checker: Checker;
  readonly #vetted = new Map<string, Promise<void>>();

  constructor(state: RegistryState, limits: SchemaLimits, checker: Checker) {
    this.#state = state;
    this.limits = limits;
    this.#checker = checker;
  }

  /**
   * The content a request asks for, in the canonical spelling. Throws 42201 for a type that is not kept, a text that
   * is not JSON, or a reference that names nothing; what is new may not refer to what is deleted.
   */
  contentOf(subject: string, request: RegisterRequest, { isNormalized, isNew }: ReadingOptions): SchemaContent {
    const schemaType = request.schemaType ?? 'AVRO';
    if (schemaType !== 'JSON' && schemaType !== 'AVRO') {
      throw errors.invalidSchema(
        `Invalid schema type ${schemaType.slice(0, 100)}. This registry keeps JSON and AVRO schemas.`,
      );
    }
    const text = request.schema ?? '';
    if (text.trim() === '') throw errors.emptySchema();
    if (schemaType === 'JSON') parseText(text, this.limits);
    const references = this.#concrete(subject, request.references ?? [], isNew);
    return {
      schemaType,
      schema:
        schemaType === 'AVRO'
          ? this.#avroText(subject, text, references, { isNormalized, isNew })
          : jsonText(text, isNormalized),
      references: isNormalized ? references.toSorted(byName) : references,
      metadata: request.metadata ?? null,
      ruleSet: request.ruleSet ?? null,
    };
  }

  /** Throws 42201 or 42209 when the content is not a sound schema. What is sound is remembered for a while. */
  async vet(subject: string, content: SchemaContent): Promise<void> {
    const context = contextOf(subject);
    const key = `${context}\0${content.schemaType}\0${JSON.stringify(content.references)}\0${content.schema}`;
    let vetted = this.#vetted.get(key);
    this.#vetted.delete(key);
    if (vetted === undefined) {
      vetted = this.#vet(subject, content);
      vetted.catch(() => this.#vetted.delete(key));
    }
    this.#vetted.set(key, vetted);
    if (this.#vetted.size > MAX_VETTED) this.#vetted.delete(this.#vetted.keys().next().value!);
    return vetted;
  }

  /** Whether a kept schema may be compiled in this thread: it is short. Throws 42201 where it refers to what is gone. */
  isShort({ subject, schemaType, schema, references }: SchemaVersion): boolean {
    return schemaType === 'AVRO' || lengthOf(schema, this.closure(contextOf(subject), references)) <= MAX_VETTED_HERE;
  }

  /** Compiles a kept schema in the checking thread. 42201 with the reason where that takes too long or fails. */
  async compileElsewhere({ subject, schema, references }: SchemaVersion): Promise<void> {
    const texts = this.closure(contextOf(subject), references);
    await this.#checker.vet({ schema, references: texts, limits: this.limits, keptBudgetMs: KEPT_BUDGET_MS });
  }

  /** `isKept`: it is there already, and is not judged again. */
  parseAvro(subject: string, { schema, references }: SchemaContent, isKept: boolean): AvroSchema {
    return parseAvro(schema, this.closure(contextOf(subject), references), this.limits, { isKept });
  }

  async #vet(subject: string, content: SchemaContent): Promise<void> {
    // An Avro text was judged when it was put into its spelling.
    if (content.schemaType === 'AVRO') return;
    const { schema } = content;
    const references = this.closure(contextOf(subject), content.references);
    const length = lengthOf(schema, references);
    // A short text is judged sooner than it is sent to another thread, and one that is compiled later in no time.
    if (length <= MAX_VETTED_HERE) await parseSchema(schema, references, this.limits);
    else await this.#checker.vet({ schema, references, limits: this.limits });
  }

  /** The texts behind references, theirs included. Throws 42201 where one leads nowhere. */
  closure(context: string, references: readonly SchemaReference[]): NamedText[] {
    const texts = new Map<string, string>();
    const collect = (list: readonly SchemaReference[]): void => {
      for (const reference of list) {
        if (texts.has(reference.name)) continue;
        if (texts.size >= MAX_REFERENCES) {
          throw errors.invalidSchema(`Invalid schema: it reaches more than ${MAX_REFERENCES} others by reference.`);
        }
        const target = this.#find(context, reference);
        texts.set(reference.name, target.schema);
        collect(target.references);
      }
    };
    collect(references);
    return [...texts].map(([name, text]) => ({ name, text }));
  }

  #avroText(
    subject: string,
    text: string,
    references: readonly SchemaReference[],
    { isNormalized, isNew }: ReadingOptions,
  ): string {
    const closure = this.closure(contextOf(subject), references);
    const parsed = parseAvro(text, closure, this.limits, { isKept: !isNew });
    return isNormalized ? normalizedAvroText(parsed) : avroText(parsed);
  }

  /** An Avro schema's text with everything it refers to in it; any other schema's is its own. */
  resolvedText(subject: string, { schemaType, schema, references }: SchemaContent): string {
    if (schemaType !== 'AVRO' || references.length === 0) return schema;
    const { root } = parseAvro(schema, this.closure(contextOf(subject), references), this.limits, { isKept: true });
    return avroText({ root, known: new Set() });
  }

  #concrete(subject: string, references: readonly SchemaReference[], isNew: boolean): SchemaReference[] {
    const context = contextOf(subject);
    return references.map((reference) => {
      const { version, deleted } = this.#find(context, reference);
      if (deleted && isNew) throw notThere(reference, 'is deleted');
      return { name: reference.name, subject: reference.subject, version };
    });
  }

  #find(context: string, reference: SchemaReference): SchemaVersion {
    const { subject, version } = reference;
    const qualified = inContext(context, subject);
    const found =
      version === -1
        ? this.#state.versions(qualified).findLast(({ deleted }) => !deleted)
        : this.#state.version(qualified, version);
    if (found !== undefined) return found;
    throw notThere(reference, 'does not exist');
  }
}

function notThere({ name, subject, version }: SchemaReference, why: string) {
  return errors.invalidSchema(
    `Invalid schema: the reference "${name}" names version ${version} of subject "${subject}", which ${why}.`,
  );
}

function lengthOf(schema: string, references: readonly NamedText[]): number {
  return references.reduce((sum, { text }) => sum + text.length, schema.length);
}

function jsonText(text: string, isNormalized: boolean): string {
  return isNormalized ? sortedJson(text) : compactJson(text);
}

function byName(a: SchemaReference, b: SchemaReference): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
