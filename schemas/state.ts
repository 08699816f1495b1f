/**
 * The registry as a fold over its log: every index is rebuilt by `apply`, record by record, and by nothing else.
 *
 * No I/O and no rules about what may be written: those are in registration.ts, deletion.ts and settings.ts.
 */
import { guidOf } from './identity.ts';
import type { SubjectConfig } from './model.ts';
import { COMPATIBILITY_LEVELS, MODES, type Mode, type SchemaReference, type SchemaVersion } from './model.ts';
import type { Snapshot, SnapshotContent, SnapshotFacts, SnapshotRow } from './snapshot/format.ts';
import { KeptVersions } from './snapshot/kept-versions.ts';
import type { StoreRecord } from './store/store.ts';
import {
  decodeKey,
  decodeSchemaValue,
  decodeValue,
  encodeKey,
  type LogKey,
  type SchemaValue,
} from './store/topic-format.ts';
import { canonicalName, contextOf, DEFAULT_CONTEXT, inContext } from './subject-name.ts';

/** One schema of a context: what an id means, and which versions carry it. */
export interface SchemaEntry {
  readonly id: number;
  readonly guid: string;
  /** By {@link versionKey}, oldest first; never empty. */
  readonly versions: Map<string, SchemaVersion>;
}

/** An entry whose map is made when somebody looks: most schemas have one version, and there may be tens of thousands. */
class Entry implements SchemaEntry {
  readonly id: number;
  readonly guid: string;
  #only: SchemaVersion;
  #versions: Map<string, SchemaVersion> | null = null;

  constructor(version: SchemaVersion) {
    this.id = version.id;
    this.guid = version.guid;
    this.#only = version;
  }

  /** All versions, without making the map. */
  list(): Iterable<SchemaVersion> {
    return this.#versions === null ? [this.#only] : this.#versions.values();
  }

  get versions(): Map<string, SchemaVersion> {
    this.#versions ??= new Map([[versionKey(this.#only.subject, this.#only.version), this.#only]]);
    return this.#versions;
  }
}

interface ContextIds {
  maxId: number;
  readonly byId: Map<number, Entry>;
  readonly byGuid: Map<string, Entry>;
}

export class RegistryState {
  readonly #subjects = new Map<string, Map<number, SchemaVersion>>();
  readonly #contexts = new Map<string, ContextIds>([[DEFAULT_CONTEXT, emptyContext()]]);
  readonly #referrers = new Map<string, Map<string, SchemaVersion>>();
  readonly #configs = new Map<string | null, SubjectConfig>();
  readonly #modes = new Map<string | null, Mode>();
  /**
   * Key bytes as they were written, per meaning: a tombstone must repeat them (Confluent's resurrection bug). As latin-1,
   * and one where there is one, which is nearly always: tens of thousands of small maps would double the start.
   */
  readonly #keys = new Map<string, string | Set<string>>();
  #unreadable = 0;
  #revision = 0;
  /** What a snapshot holds and nobody has asked for yet. Every way to a version takes it from there first. */
  #kept: KeptVersions | null = null;

  /** Takes the next record of the log. Never throws; what it cannot read is counted and left alone. */
  apply(record: StoreRecord): void {
    this.#revision++;
    const key = decodeKey(record.key);
    if (key === null || record.key === null) {
      this.#unreadable++;
      return;
    }
    if ('subject' in key && key.subject !== null) this.#take(canonicalName(key.subject));
    this.#rememberKey(key, record.key, record.value === null);
    if (key.keytype === 'SCHEMA') this.#applySchema(key.subject, key.version, record);
    else if (key.keytype === 'CONFIG') this.#applyConfig(key.subject, record.value);
    else if (key.keytype === 'MODE') this.#applyMode(key.subject, record.value);
    else if (key.keytype === 'DELETE_SUBJECT') this.#applyDeleteSubject(key.subject, record.value);
    else if (key.keytype === 'CLEAR_SUBJECT') this.#applyClearSubject(key.subject);
    else if (key.keytype === 'CONTEXT') this.#applyContext(key.context, record.value);
  }

  /** Another number after every change: what was looked up before may be remembered until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Records that were not understood. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Qualified names of all subjects that hold a version, deleted or not, in no order. */
  subjectNames(): string[] {
    return [...this.#subjects.keys(), ...(this.#kept?.subjectNames() ?? [])];
  }

  /** How many versions a subject has. */
  tally(subject: string): { readonly live: number; readonly deleted: number } {
    const kept = this.#kept?.tally(subject) ?? null;
    if (kept !== null) return kept;
    let deleted = 0;
    const versions = this.#subjects.get(subject);
    for (const version of versions?.values() ?? []) if (version.deleted) deleted++;
    return { live: (versions?.size ?? 0) - deleted, deleted };
  }

  /** All versions of a subject, deleted ones too, oldest first. */
  versions(subject: string): SchemaVersion[] {
    this.#take(subject);
    const versions = this.#subjects.get(subject);
    return versions === undefined ? [] : [...versions.values()].sort((a, b) => a.version - b.version);
  }

  version(subject: string, version: number): SchemaVersion | undefined {
    this.#take(subject);
    return this.#subjects.get(subject)?.get(version);
  }

  contexts(): string[] {
    return [...this.#contexts.keys()];
  }

  byId(context: string, id: number): SchemaEntry | undefined {
    this.#take(this.#kept?.holderOfId(context, id) ?? null);
    return this.#contexts.get(context)?.byId.get(id);
  }

  byGuid(context: string, guid: string): SchemaEntry | undefined {
    this.#take(this.#kept?.holderOfGuid(context, guid) ?? null);
    return this.#contexts.get(context)?.byGuid.get(guid);
  }

  maxId(context: string): number {
    return this.#contexts.get(context)?.maxId ?? 0;
  }

  /** Versions whose references name this one, deleted ones too. */
  referrers(subject: string, version: number): SchemaVersion[] {
    for (const name of this.#kept?.referring() ?? []) this.#take(name);
    return [...(this.#referrers.get(versionKey(subject, version))?.values() ?? [])];
  }

  config(subject: string | null): SubjectConfig | undefined {
    return this.#configs.get(subject);
  }

  /** Subjects and contexts that have a configuration of their own. */
  configScopes(): string[] {
    return [...this.#configs.keys()].filter((scope) => scope !== null);
  }

  mode(subject: string | null): Mode | undefined {
    return this.#modes.get(subject);
  }

  /** Subjects and contexts that have a mode of their own. */
  modeScopes(): string[] {
    return [...this.#modes.keys()].filter((scope) => scope !== null);
  }

  /** Every spelling under which a record is kept; tombstone all of them. Empty when there is none. */
  keyBytes(key: LogKey): Buffer[] {
    if ('subject' in key && key.subject !== null) this.#take(key.subject);
    const spelled = this.#keys.get(meaning(key)) ?? [];
    return [...(typeof spelled === 'string' ? [spelled] : spelled)].map((text) => Buffer.from(text, 'latin1'));
  }

  /** Everything as of a snapshot; the records from its offset on follow. */
  restore(snapshot: Snapshot): void {
    this.clear();
    const { contexts, configs, modes, keys, unreadable } = snapshot.facts;
    for (const [name, maxId] of contexts) this.#context(name).maxId = maxId;
    for (const [subject, config] of configs) this.#configs.set(subject, config);
    for (const [subject, mode] of modes) this.#modes.set(subject, mode);
    for (const [means, ...spelled] of keys)
      this.#keys.set(means, spelled.length === 1 ? spelled[0]! : new Set(spelled));
    this.#unreadable = unreadable;
    this.#kept = new KeptVersions(snapshot);
  }

  /** As before the first record. */
  clear(): void {
    for (const map of [this.#subjects, this.#contexts, this.#referrers, this.#configs, this.#modes, this.#keys])
      map.clear();
    this.#context(DEFAULT_CONTEXT);
    this.#kept = null;
    this.#unreadable = 0;
    this.#revision++;
  }

  /** What a snapshot of now holds. Versions are never changed in place, so it may be written while others come. */
  capture(place: Pick<SnapshotFacts, 'log' | 'offset' | 'last'>): SnapshotContent {
    const orders = new Map<SchemaVersion, number>();
    for (const { byId } of this.#contexts.values()) {
      for (const entry of byId.values()) for (const version of entry.list()) orders.set(version, orders.size);
    }
    const bySubject = [...(this.#kept?.rows() ?? [])];
    for (const [subject, versions] of this.#subjects) {
      bySubject.push([subject, [...versions.values()].map((version) => rowOf(version, orders.get(version)!))]);
    }
    const facts: SnapshotFacts = {
      ...place,
      unreadable: this.#unreadable,
      contexts: [...this.#contexts].map(([name, { maxId }]) => [name, maxId]),
      configs: [...this.#configs],
      modes: [...this.#modes],
      keys: this.#unusualKeys(),
      subjects: bySubject.map(([subject, rows]) => [subject, rows.length]),
    };
    return { facts, rows: bySubject.flatMap(([, rows]) => rows) };
  }

  /** All but the keys of versions in the spelling they have when {@link RegistryState.#take} makes them again. */
  #unusualKeys(): SnapshotFacts['keys'] {
    const usual = new Map<string, string>();
    for (const versions of this.#subjects.values()) {
      for (const version of versions.values()) usual.set(...usualKey(version));
    }
    const unusual = [...this.#keys].filter(([means, spelled]) => usual.get(means) !== spelled);
    return unusual.map(([means, spelled]) => [means, ...(typeof spelled === 'string' ? [spelled] : spelled)]);
  }

  /** Takes a subject's versions out of the snapshot, if they are still there, with those that belong to the same schemas. */
  #take(subject: string | null): void {
    if (subject === null || this.#kept === null) return;
    for (const version of this.#kept.take(subject)) {
      const [means, spelled] = usualKey(version);
      if (!this.#keys.has(means)) this.#keys.set(means, spelled);
      this.#index(version);
    }
  }

  #rememberKey(key: LogKey, bytes: Buffer, isTombstone: boolean): void {
    const spelled = bytes.toString('latin1');
    const means = meaning(key);
    const known = this.#keys.get(means);
    if (!isTombstone) {
      if (known === undefined) this.#keys.set(means, spelled);
      else if (typeof known !== 'string') known.add(spelled);
      else if (known !== spelled) this.#keys.set(means, new Set([known, spelled]));
    } else if (known === spelled) this.#keys.delete(means);
    else if (typeof known === 'object') {
      known.delete(spelled);
      if (known.size === 0) this.#keys.delete(means);
    }
  }

  #applySchema(name: string, version: number, record: StoreRecord): void {
    const subject = canonicalName(name);
    const before = this.version(subject, version);
    if (before !== undefined) this.#remove(before);
    if (record.value === null) return;
    const value = decodeSchemaValue(record.value);
    if (value === null) this.#unreadable++;
    else this.#insert(schemaVersion(subject, value, record.timestamp));
  }

  #insert(version: SchemaVersion): void {
    // Whoever had the schema before comes first.
    const context = contextOf(version.subject);
    this.#take(this.#kept?.holderOfId(context, version.id) ?? null);
    this.#take(this.#kept?.holderOfGuid(context, version.guid) ?? null);
    this.#index(version);
  }

  #index(version: SchemaVersion): void {
    const versions = this.#subjects.get(version.subject);
    if (versions === undefined) this.#subjects.set(version.subject, new Map([[version.version, version]]));
    else versions.set(version.version, version);

    const context = this.#context(contextOf(version.subject));
    context.maxId = Math.max(context.maxId, version.id);
    const entry = context.byId.get(version.id);
    if (entry !== undefined) entry.versions.set(versionKey(version.subject, version.version), version);
    else {
      const added = new Entry(version);
      context.byId.set(version.id, added);
      context.byGuid.set(version.guid, added);
    }
    if (version.references.length === 0) return;
    const key = versionKey(version.subject, version.version);
    for (const target of referenceKeys(version)) {
      const referrers = this.#referrers.get(target);
      if (referrers === undefined) this.#referrers.set(target, new Map([[key, version]]));
      else referrers.set(key, version);
    }
  }

  #remove(version: SchemaVersion): void {
    const key = versionKey(version.subject, version.version);
    const versions = this.#subjects.get(version.subject);
    versions?.delete(version.version);
    if (versions?.size === 0) this.#subjects.delete(version.subject);

    const context = this.#context(contextOf(version.subject));
    const entry = context.byId.get(version.id);
    entry?.versions.delete(key);
    if (entry?.versions.size === 0) {
      context.byId.delete(entry.id);
      if (context.byGuid.get(entry.guid) === entry) context.byGuid.delete(entry.guid);
    }
    for (const target of referenceKeys(version)) {
      const referrers = this.#referrers.get(target);
      referrers?.delete(key);
      if (referrers?.size === 0) this.#referrers.delete(target);
    }
  }

  #applyDeleteSubject(name: string, bytes: Buffer | null): void {
    if (bytes === null) return;
    const subject = canonicalName(name);
    const watermark = decodeValue(bytes)?.version;
    for (const version of this.versions(subject)) {
      if (version.deleted || (typeof watermark === 'number' && version.version > watermark)) continue;
      this.#remove(version);
      this.#insert({ ...version, deleted: true });
    }
  }

  #applyClearSubject(name: string): void {
    for (const version of this.versions(canonicalName(name))) if (version.deleted) this.#remove(version);
  }

  #applyConfig(name: string | null, bytes: Buffer | null): void {
    const subject = name === null ? null : canonicalName(name);
    const value = bytes === null ? null : decodeValue(bytes);
    if (value === null) this.#configs.delete(subject);
    else this.#configs.set(subject, subjectConfig(value));
  }

  #applyMode(name: string | null, bytes: Buffer | null): void {
    const subject = name === null ? null : canonicalName(name);
    const mode = bytes === null ? undefined : MODES.find((known) => known === decodeValue(bytes)?.mode);
    if (mode === undefined) this.#modes.delete(subject);
    else this.#modes.set(subject, mode);
  }

  #applyContext(name: string, bytes: Buffer | null): void {
    if (bytes !== null) this.#context(name);
    else if (this.#isEmpty(name) && name !== DEFAULT_CONTEXT) this.#contexts.delete(name);
  }

  #isEmpty(context: string): boolean {
    for (const name of this.#kept?.subjectNames() ?? []) if (contextOf(name) === context) return false;
    return this.#contexts.get(context)?.byId.size === 0;
  }

  #context(name: string): ContextIds {
    const context = this.#contexts.get(name) ?? emptyContext();
    this.#contexts.set(name, context);
    return context;
  }
}

/** The key of a version in maps; a subject holds no NUL. */
export function versionKey(subject: string, version: number): string {
  return `${subject}\0${version}`;
}

function emptyContext(): ContextIds {
  return { maxId: 0, byId: new Map(), byGuid: new Map() };
}

function referenceKeys(version: SchemaVersion): string[] {
  const context = contextOf(version.subject);
  return version.references.map((reference) => versionKey(inContext(context, reference.subject), reference.version));
}

function schemaVersion(subject: string, value: SchemaValue, timestamp: number): SchemaVersion {
  const references = (value.references ?? []).map(({ name, subject, version }: SchemaReference) => ({
    name,
    subject,
    version,
  }));
  const { schema, metadata = null, ruleSet = null } = value;
  return {
    subject,
    version: value.version,
    id: value.id,
    // Confluent leaves the type out for Avro.
    schemaType: value.schemaType === 'JSON' || value.schemaType === 'PROTOBUF' ? value.schemaType : 'AVRO',
    schema,
    references,
    metadata,
    ruleSet,
    guid: guidOf({ schema, references, metadata, ruleSet }),
    deleted: value.deleted === true,
    timestamp,
  };
}

/** Keeps what is known; a level this version does not know falls back to the default. */
function subjectConfig(value: Record<string, unknown>): SubjectConfig {
  const { subject: _, compatibilityLevel, ...rest } = value;
  const level = COMPATIBILITY_LEVELS.find((known) => known === compatibilityLevel);
  const set = Object.entries(rest).filter(([, member]) => member !== null);
  return { ...Object.fromEntries(set), ...(level === undefined ? {} : { compatibilityLevel: level }) };
}

/** The meaning of a version's key and how we, and Confluent, spell it. */
function usualKey({ subject, version }: SchemaVersion): [meaning: string, spelled: string] {
  const key = { keytype: 'SCHEMA', subject, version } as const;
  return [meaning(key), encodeKey(key).toString('latin1')];
}

function rowOf(version: SchemaVersion, order: number): SnapshotRow {
  const { id, timestamp, guid, deleted } = version;
  const hasReferences = version.references.length > 0;
  return { id, version: version.version, timestamp, guid, deleted, hasReferences, order, text: version };
}

function meaning(key: LogKey): string {
  const subject = 'subject' in key ? (key.subject ?? '') : 'context' in key ? key.context : '';
  return `${key.keytype}\0${subject}\0${'version' in key ? key.version : ''}`;
}
