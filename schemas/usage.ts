/**
 * Who produced and consumed with which schema, as far as this process saw: the broker's check of records, converters, and
 * what clients asked the registry. So that a delete can say what it would break.
 *
 * In memory, since the start, bounded: the use that was seen longest ago is forgotten first.
 */

export type UseKind = 'produced' | 'registered' | 'fetched';

/** One client's use of one schema. */
export interface SchemaUse {
  /** `produced`: a record with this id was written · `registered`: a writer asked for the id · `fetched`: a reader asked for the schema. */
  readonly use: UseKind;
  /** Client id, user agent or principal, whatever it says of itself. */
  readonly client: string;
  /** Where records were seen; null where only the registry was asked. */
  readonly topic: string | null;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly lastSeen: number;
}

const USES_MAX = 10_000;
const CLIENT_LENGTH_MAX = 200;

interface Kept {
  readonly context: string;
  readonly id: number;
  readonly use: UseKind;
  readonly client: string;
  readonly topic: string | null;
  count: number;
  lastSeen: number;
}

export class SchemaUsage {
  readonly #now: () => number;
  /** When counting began, in milliseconds since the epoch. */
  readonly since: number;
  readonly #kept = new Map<string, Kept>();
  /** What was seen last: records come in batches of one client and schema. */
  #last: Kept | null = null;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.since = now();
  }

  /** Called per record where the broker checks them, so it allocates only for what is new. */
  saw(use: UseKind, context: string, id: number, client: string, topic: string | null): void {
    const last = this.#last;
    if (
      last?.id === id &&
      last.client === client &&
      last.topic === topic &&
      last.use === use &&
      last.context === context
    ) {
      last.count++;
      last.lastSeen = this.#now();
      return;
    }
    const key = `${id}\0${use}\0${topic ?? ''}\0${context}\0${client}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      known.count++;
      known.lastSeen = this.#now();
      this.#last = known;
      return;
    }
    if (this.#kept.size >= USES_MAX) this.#forgetOldest();
    const name = client.length > CLIENT_LENGTH_MAX ? client.slice(0, CLIENT_LENGTH_MAX) : client;
    this.#kept.set(key, { context, id, use, client: name, topic, count: 1, lastSeen: this.#now() });
  }

  /** The uses of a schema, the latest first. */
  of(context: string, id: number): SchemaUse[] {
    return [...this.#kept.values()]
      .filter((kept) => kept.id === id && kept.context === context)
      .sort((a, b) => b.lastSeen - a.lastSeen)
      .map(({ use, client, topic, count, lastSeen }) => ({ use, client, topic, count, lastSeen }));
  }

  #forgetOldest(): void {
    let oldest: string | null = null;
    let seen = Number.POSITIVE_INFINITY;
    for (const [key, { lastSeen }] of this.#kept) {
      if (lastSeen >= seen) continue;
      oldest = key;
      seen = lastSeen;
    }
    if (oldest !== null) this.#kept.delete(oldest);
    this.#last = null;
  }
}
