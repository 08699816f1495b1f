/**
 * A schema registry for previews and tests: knows what the real one knows, keeps what would be registered to itself.
 */
import { DataError, type RegisteredSchema, type SchemaRegistry } from '../../connectors/api/index.ts';

/** Ids of schemas that are registered here only; no real registry has come so far. */
const FIRST_ID = 1_000_000_000;

export class OfflineRegistry implements SchemaRegistry {
  readonly #real: SchemaRegistry | null;
  readonly #own: { readonly subject: string; readonly schema: RegisteredSchema }[] = [];
  /** What a real run would change, in sentences. */
  readonly notes: string[] = [];

  /** `real` is only asked, never told; null where there is none. */
  constructor(real: SchemaRegistry | null) {
    this.#real = real;
  }

  async register(subject: string, schema: RegisteredSchema): Promise<number> {
    const known = await this.#ask((real) => real.lookup(subject, schema));
    if (known !== null) return known;
    const kept = this.#own.findIndex((each) => each.subject === subject && each.schema.schema === schema.schema);
    if (kept >= 0) return FIRST_ID + kept;
    this.notes.push(`A schema would be registered under the subject ${subject}.`);
    return FIRST_ID + this.#own.push({ subject, schema }) - 1;
  }

  async lookup(subject: string, schema: RegisteredSchema): Promise<number> {
    const known = await this.#ask((real) => real.lookup(subject, schema));
    const kept = this.#own.findIndex((each) => each.subject === subject && each.schema.schema === schema.schema);
    if (known !== null || kept >= 0) return known ?? FIRST_ID + kept;
    throw new DataError(`The subject ${subject} has no such schema, and auto.register.schemas is off.`);
  }

  async latest(subject: string): Promise<RegisteredSchema & { readonly id: number }> {
    const kept = this.#own.findLastIndex((each) => each.subject === subject);
    if (kept >= 0) return { ...this.#own[kept]!.schema, id: FIRST_ID + kept };
    if (this.#real !== null) return this.#real.latest(subject);
    throw new DataError(`The subject ${subject} has no schema here.`);
  }

  async byId(id: number): Promise<RegisteredSchema> {
    const kept = this.#own[id - FIRST_ID];
    if (kept !== undefined) return kept.schema;
    if (this.#real !== null) return this.#real.byId(id);
    throw new DataError(`There is no schema with id ${id} here; name the registry with --registry.`);
  }

  async version(subject: string, version: number): Promise<RegisteredSchema> {
    const kept = this.#own.filter((each) => each.subject === subject)[version - 1];
    if (kept !== undefined) return kept.schema;
    if (this.#real?.version !== undefined) return this.#real.version(subject, version);
    throw new DataError(`The subject ${subject} has no version ${version} here; name the registry with --registry.`);
  }

  /** Null where the real registry does not know it; an unreachable one is told as such. */
  async #ask<T>(question: (real: SchemaRegistry) => Promise<T>): Promise<T | null> {
    if (this.#real === null) return null;
    try {
      return await question(this.#real);
    } catch (error) {
      if (error instanceof DataError) return null;
      const note = 'The schema registry did not answer; schemas are taken as new.';
      if (!this.notes.includes(note)) this.notes.push(note);
      return null;
    }
  }
}
