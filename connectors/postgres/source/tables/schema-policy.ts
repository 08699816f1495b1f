/**
 * What happens when the registry does not allow a table's new shape: asked as soon as the stream describes the table, before
 * a record of that shape flows (`schema.change.policy`).
 *
 * The worker's converters know subject and compatibility; this file knows only yes, no and why.
 */
import { ConnectError, DataError, type Logger, type Schema, type SourceOffset } from '../../../api/index.ts';
import type { SchemaPolicy } from '../config/source-defaults.ts';
import type { TableEncoder } from './table-encoder.ts';

/** Ends the topic that takes the rows of a parked table. */
export const PARKED_SUFFIX = '.parked';

/** Asks the converters. Rejects with DataError where the registry says no. */
export type DeclareSchemas = (topic: string, key: Schema | null, value: Schema) => Promise<void>;

export class SchemaGate {
  readonly #policy: SchemaPolicy;
  readonly #declare: DeclareSchemas | undefined;
  readonly #logger: Logger;
  /** `schema.table` */
  readonly #parked = new Set<string>();
  /** Accepted, and not yet told: parked in the offsets until then, because rows are missing. */
  readonly #released = new Set<string>();

  constructor(policy: SchemaPolicy, logger: Logger, declare: DeclareSchemas | undefined, stored: SourceOffset | null) {
    this.#policy = policy;
    this.#logger = logger;
    this.#declare = declare;
    const parked = stored?.parked_tables;
    if (Array.isArray(parked)) for (const table of parked) this.#parked.add(String(table));
  }

  /** Kept in every offset, so that a restart knows which tables have rows elsewhere; null where there is none. */
  get offset(): SourceOffset | null {
    return this.#parked.size === 0 ? null : { parked_tables: [...this.#parked] };
  }

  /** Parked, and not accepted since. */
  get parked(): string[] {
    return [...this.#parked].filter((table) => !this.#released.has(table));
  }

  isParked(table: string): boolean {
    return this.#parked.has(table);
  }

  /**
   * True where rows of this shape may flow into the table's topic, false where they are to be parked. Throws
   * PG_SCHEMA_REFUSED with the policy `fail`, and whatever kept the registry from answering.
   */
  async allows(encoder: TableEncoder): Promise<boolean> {
    const table = `${encoder.schema}.${encoder.name}`;
    try {
      await this.#declare?.(encoder.topic, encoder.keySchema, encoder.valueSchema);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return this.#refused(table, encoder.topic, error);
    }
    if (this.#parked.has(table) && !this.#released.has(table)) {
      this.#released.add(table);
      this.#logger.info({ table }, `The schema of ${table} is accepted now; its rows are read again into its topic.`);
    }
    return true;
  }

  /** Tables whose shape was accepted since the last call: rows that were parked are missing in their topics. */
  released(): string[] {
    if (this.#released.size === 0) return [];
    const released = [...this.#released];
    this.#released.clear();
    for (const table of released) this.#parked.delete(table);
    return released;
  }

  #refused(table: string, topic: string, error: DataError): boolean {
    const what = `The registry refuses the schema that table ${table} has now: ${error.message}`;
    if (this.#policy === 'evolve') {
      this.#logger.warn({ table, err: error }, `${what} Its records go to the error policy, one by one.`);
      return true;
    }
    if (this.#policy === 'park') {
      if (!this.#parked.has(table))
        this.#logger.warn(
          { table, err: error },
          `${what} Its rows go to ${topic}${PARKED_SUFFIX} until it is accepted.`,
        );
      this.#parked.add(table);
      this.#released.delete(table);
      return false;
    }
    throw new ConnectError(
      `${what} No record of that shape was written. Change the compatibility of the subject or the table, then restart the task; or set schema.change.policy to park.`,
      { code: 'PG_SCHEMA_REFUSED', cause: error },
    );
  }
}
