/**
 * The schema of JSON values, learnt from them: wider with each value that does not fit, the same object otherwise, so that
 * a converter registers one version per widening. One per task, shared by its files.
 */
import { type ConnectValue, isFields, type Schema } from '../../api/index.ts';
import { fits, merged, schemaOfValue } from './inferred-schema.ts';

export class LearntSchema {
  #schema: Schema | null = null;

  /** Null for a value without fields. One that has nothing in common with those before gets their schema, and is judged by it. */
  of(value: ConnectValue): Schema | null {
    if (!isFields(value)) return null;
    if (this.#schema !== null && fits(this.#schema, value)) return this.#schema;
    const own = schemaOfValue(value);
    if (own === null) return this.#schema;
    const wider = this.#schema === null ? own : merged(this.#schema, own);
    // The record itself is there, whatever its members are.
    if (wider !== null) this.#schema = { ...wider, optional: false };
    return this.#schema;
  }
}
