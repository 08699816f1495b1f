/**
 * Quotas: how much a user, a client id, or a user's client id may produce, fetch, keep us busy and make topics, and how
 * often an address may connect. Kafka's entities,
 * keys and order of preference (KIP-13, KIP-55, KIP-124, KIP-546, KIP-599, KIP-612), kept in the metadata log under `quota/<entity>`.
 *
 * A rate may be exceeded for a moment: what counts is the average over the windows. Who is beyond it is told for how
 * long (`throttle_time_ms`), and is not read from for that time (KIP-219). The time is bounded well below the session
 * timeouts of consumers; what is left of the debt delays the next request.
 */
import type { MetadataChange, MetadataStore } from '../metadata/metadata-log.ts';

export const quotaKeys = [
  'producer_byte_rate',
  'consumer_byte_rate',
  'request_percentage',
  // Partitions made and deleted per second (KIP-599).
  'controller_mutation_rate',
  // Connections of one address per second (KIP-612).
  'connection_creation_rate',
] as const;
export type QuotaKey = (typeof quotaKeys)[number];

/** Undefined: not part of the entity; null: its default. */
export interface QuotaEntity {
  readonly user?: string | null;
  readonly clientId?: string | null;
  /** An address stands alone. */
  readonly ip?: string | null;
}

export type QuotaValues = Readonly<Partial<Record<QuotaKey, number>>>;

export interface QuotaChange {
  readonly entity: QuotaEntity;
  readonly values: Readonly<Partial<Record<QuotaKey, number | null>>>;
}

/** Consumers with the old default of 10 s must not lose their membership while they are muted. */
export const throttleMsMax = 5_000;
/** A debt is forgotten beyond this many windows: one huge request must not silence a client for hours. */
const debtWindowsMax = 6;
/** Levels are forgotten beyond this many; the oldest go first. */
const levelsMax = 10_000;
const prefix = 'quota/';

export class Quotas {
  readonly #metadata: MetadataStore;
  readonly #windowSeconds: number;
  readonly #entities = new Map<string, QuotaValues>();
  readonly #levels = new Map<string, Level>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(metadata: MetadataStore, { windowSeconds }: { readonly windowSeconds: number }) {
    this.#metadata = metadata;
    this.#windowSeconds = windowSeconds;
    for (const [key, value] of metadata.entries) {
      if (key.startsWith(prefix)) this.#entities.set(key.slice(prefix.length), value as QuotaValues);
    }
  }

  /** Nothing is limited: the hot path asks nothing else. */
  get isEmpty(): boolean {
    return this.#entities.size === 0;
  }

  all(): { readonly entity: QuotaEntity; readonly values: QuotaValues }[] {
    return [...this.#entities].map(([key, values]) => ({ entity: entityOf(key), values }));
  }

  /** All of them or none. Resolves when they are on disk; requests obey them from then on. */
  change(changes: readonly QuotaChange[]): Promise<void> {
    const result = this.#lastChange.then(async () => {
      const after = new Map<string, Record<string, number>>();
      for (const { entity, values } of changes) {
        const key = keyOf(entity);
        const merged: Record<string, number> = { ...(after.get(key) ?? this.#entities.get(key)) };
        for (const [name, value] of Object.entries(values)) {
          if (value === null) delete merged[name];
          else merged[name] = value;
        }
        after.set(key, merged);
      }
      const isGone = (values: object): boolean => Object.keys(values).length === 0;
      const entries = [...after].map(([key, values]): MetadataChange => [prefix + key, isGone(values) ? null : values]);
      await this.#metadata.write(entries);
      for (const [key, values] of after) {
        if (isGone(values)) this.#entities.delete(key);
        else this.#entities.set(key, values);
      }
    });
    this.#lastChange = result.catch(() => {});
    return result;
  }

  /** Counts an amount and answers for how long whoever caused it must be silent, in milliseconds; 0 within the quota. */
  record(key: QuotaKey, user: string, clientId: string, amount: number, nowMs: number): number {
    const found = this.#find(key, user, clientId);
    if (found === null) return 0;
    const { limit, sharedBy } = found;
    // A percentage is of a second; amounts are milliseconds.
    const perSecond = key === 'request_percentage' ? limit * 10 : limit;
    return this.#level(`${key}\0${sharedBy}`, nowMs).add(amount, perSecond, this.#windowSeconds, nowMs);
  }

  /** For how long nothing more may be done, in milliseconds; 0 while there is room, or no quota. Counts nothing. */
  waitMs(key: QuotaKey, user: string, clientId: string, nowMs: number): number {
    const found = this.#find(key, user, clientId);
    if (found === null) return 0;
    const room = this.#level(`${key}\0${found.sharedBy}`, nowMs).room(found.limit, this.#windowSeconds, nowMs);
    return room >= 0 ? 0 : Math.min(throttleMsMax, Math.ceil((-room / found.limit) * 1000));
  }

  /** How many connections of this address may come in a second; null without a quota. */
  connectionsPerSecond(ip: string): number | null {
    if (this.isEmpty) return null;
    const of = (entity: QuotaEntity) => this.#entities.get(keyOf(entity))?.connection_creation_rate;
    return of({ ip }) ?? of({ ip: null }) ?? null;
  }

  /** How many bytes may be fetched at once: what is left of the windows. Null without a quota. */
  fetchBytesMax(user: string, clientId: string, nowMs: number): number | null {
    const found = this.#find('consumer_byte_rate', user, clientId);
    if (found === null) return null;
    const level = this.#level(`consumer_byte_rate\0${found.sharedBy}`, nowMs);
    return Math.max(0, Math.floor(level.room(found.limit, this.#windowSeconds, nowMs)));
  }

  /** The most specific entity that limits this key, and who shares what it allows. */
  #find(key: QuotaKey, user: string, clientId: string): { limit: number; sharedBy: string } | null {
    const byBoth = JSON.stringify([user, clientId]);
    const byUser = JSON.stringify([user]);
    const byClient = JSON.stringify({ clientId });
    const candidates: [QuotaEntity, string][] = [
      [{ user, clientId }, byBoth],
      [{ user, clientId: null }, byBoth],
      [{ user }, byUser],
      [{ user: null, clientId }, byBoth],
      [{ user: null, clientId: null }, byBoth],
      [{ user: null }, byUser],
      [{ clientId }, byClient],
      [{ clientId: null }, byClient],
    ];
    for (const [entity, sharedBy] of candidates) {
      const limit = this.#entities.get(keyOf(entity))?.[key];
      if (limit !== undefined) return { limit, sharedBy };
    }
    return null;
  }

  #level(key: string, nowMs: number): Level {
    let level = this.#levels.get(key);
    if (level === undefined) {
      level = new Level(nowMs);
      if (this.#levels.size >= levelsMax) this.#levels.delete(this.#levels.keys().next().value!);
      this.#levels.set(key, level);
    }
    return level;
  }
}

/** What was used and is not yet paid off: it runs off at the quota's rate. */
class Level {
  #amount = 0;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  add(amount: number, perSecond: number, windowSeconds: number, nowMs: number): number {
    this.#runOff(perSecond, nowMs);
    const room = perSecond * windowSeconds;
    this.#amount = Math.min(this.#amount + amount, room * (1 + debtWindowsMax));
    if (this.#amount <= room) return 0;
    return Math.min(throttleMsMax, Math.ceil(((this.#amount - room) / perSecond) * 1000));
  }

  room(perSecond: number, windowSeconds: number, nowMs: number): number {
    this.#runOff(perSecond, nowMs);
    return perSecond * windowSeconds - this.#amount;
  }

  #runOff(perSecond: number, nowMs: number): void {
    this.#amount = Math.max(0, this.#amount - (perSecond * Math.max(0, nowMs - this.#atMs)) / 1000);
    this.#atMs = nowMs;
  }
}

/** JSON keeps the order of the fields and tells "default" (null) from "not part of it". */
function keyOf({ user, clientId, ip }: QuotaEntity): string {
  return JSON.stringify({
    ...(user === undefined ? {} : { user }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(ip === undefined ? {} : { ip }),
  });
}

function entityOf(key: string): QuotaEntity {
  return JSON.parse(key) as QuotaEntity;
}
