/**
 * The judges of records, one per schema id: made when the first record comes, kept, and given up where a schema would hold
 * the broker up. Step 5 of the record's journey, behind record-check.ts.
 *
 * A log that was imported holds what nobody here has vetted. So: a long schema is compiled in the checking thread first,
 * under its budget, and producers try again meanwhile; what cannot be compiled is not tried again; and a schema that
 * takes too long for record after record judges none for a while.
 */
import { ValidationBudgetError } from './errors.ts';
import type { SchemaVersion } from './model.ts';

/** A record does not fit, in the words for its producer. `isTemporary`: nobody can say yet. */
export interface RecordFault {
  readonly message: string;
  /** Where the schema's own rules want such a record; null: where the topic says. */
  readonly deadLetterTopic: string | null;
  readonly isTemporary?: boolean;
}

/** Of a body that begins at `from`, behind its prefix. */
export type Judge = (bytes: Buffer, from: number, side: 'key' | 'value') => RecordFault | null;

export interface JudgesOptions {
  /** Compiles; throws what the compiler throws. */
  readonly make: (id: number, version: SchemaVersion) => Judge;
  /** Whether it may be compiled here at once; may throw where the schema cannot be read. */
  readonly isShort: (version: SchemaVersion) => boolean;
  /** Compiles it in another thread, within a budget; rejects with the reason where it cannot be. */
  readonly compileElsewhere: (version: SchemaVersion) => Promise<void>;
  readonly now?: () => number;
}

/** Judges kept; an id beyond that is compiled again when it comes. */
const JUDGES_MAX = 1000;
/** Records over the budget, a tenth of a second each, after which a schema judges none for a while. */
const OVERRUNS_MAX = 3;
const PAUSE_MS = 10_000;

export class Judges {
  readonly #options: JudgesOptions;
  readonly #judges = new Map<number, Judge>();

  constructor(options: JudgesOptions) {
    this.#options = options;
  }

  of(id: number, version: SchemaVersion): Judge {
    const known = this.#judges.get(id);
    if (known !== undefined) return known;
    try {
      if (this.#options.isShort(version)) return this.#made(id, version);
    } catch (error) {
      return this.#keep(id, refusing(id, version, error as Error));
    }
    const waiting = this.#keep(id, (_bytes, _from, side) => ({
      message: `The ${side} cannot be judged yet: ${nameOf(id, version)} is being compiled for the first time.`,
      deadLetterTopic: null,
      isTemporary: true,
    }));
    this.#options.compileElsewhere(version).then(
      () => this.#made(id, version),
      (error: Error) => this.#keep(id, refusing(id, version, error)),
    );
    return waiting;
  }

  #made(id: number, version: SchemaVersion): Judge {
    try {
      return this.#keep(id, this.#patient(id, version, this.#options.make(id, version)));
    } catch (error) {
      return this.#keep(id, refusing(id, version, error as Error));
    }
  }

  #patient(id: number, version: SchemaVersion, judge: Judge): Judge {
    const now = this.#options.now ?? Date.now;
    let overruns = 0;
    let pausedUntil = 0;
    return (bytes, from, side) => {
      if (overruns === OVERRUNS_MAX) {
        if (now() < pausedUntil) return cannot(id, version, side, 'too many values took too long');
        overruns = 0;
      }
      try {
        return judge(bytes, from, side);
      } catch (error) {
        if (error instanceof ValidationBudgetError && ++overruns === OVERRUNS_MAX) pausedUntil = now() + PAUSE_MS;
        return cannot(id, version, side, (error as Error).message);
      }
    };
  }

  #keep(id: number, judge: Judge): Judge {
    if (this.#judges.size >= JUDGES_MAX && !this.#judges.has(id)) {
      this.#judges.delete(this.#judges.keys().next().value!);
    }
    this.#judges.set(id, judge);
    return judge;
  }
}

function nameOf(id: number, { subject, version }: SchemaVersion): string {
  return `schema ${id} ("${subject}" version ${version})`;
}

/** What is wrong with the schema stays wrong: every record hears it, and nothing is compiled again. */
function refusing(id: number, version: SchemaVersion, { message }: Error): Judge {
  return (_bytes, _from, side) => cannot(id, version, side, message);
}

function cannot(id: number, version: SchemaVersion, side: string, reason: string): RecordFault {
  return { message: `The ${nameOf(id, version)} cannot judge the ${side}: ${reason}`, deadLetterTopic: null };
}
