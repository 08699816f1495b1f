/**
 * The registry core: what rest/ and in-process.ts ask, answered from the fold and changed through the one writer.
 *
 * No HTTP here and no I/O of its own; the store keeps it. Every refusal is a RegistryError with Confluent's number.
 */
import { Checker } from './checking/checker.ts';
import type { Explained } from './checking/work.ts';
import { type DeletionParts, deleteContext, deleteSubject, deleteVersion } from './deletion.ts';
import { errors } from './errors.ts';
import type {
  CompatibilityLevel,
  Mode,
  RegisterRequest,
  SchemaContent,
  SchemaVersion,
  SubjectConfig,
} from './model.ts';
import { DEFAULT_LIMITS, type NamedText, type SchemaLimits } from './parse/parse-schema.ts';
import { type CompatibilityAnswer, type RegisterOptions, Registration } from './registration.ts';
import { SchemaReader } from './schema-reader.ts';
import { type ConfigChange, Settings } from './settings.ts';
import { SnapshotKeeper, type SnapshotOptions } from './snapshot/keeper.ts';
import type { SoundAnswer } from './sound/answer.ts';
import { RegistryState, type SchemaEntry } from './state.ts';
import type { SchemaStore } from './store/store.ts';
import {
  ALL_CONTEXTS_PREFIX,
  assertValidContext,
  canonicalName,
  contextOf,
  DEFAULT_CONTEXT,
  inContext,
  matchesPrefix,
} from './subject-name.ts';
import { RegistryWriter } from './writer.ts';

/** Which versions count: live ones, deleted ones too, or only those. Of subjects, only those without a live version. */
export interface VersionFilter {
  readonly deleted?: boolean;
  readonly deletedOnly?: boolean;
}

export interface RegistryCoreOptions {
  readonly store: SchemaStore;
  readonly limits?: Partial<SchemaLimits>;
  readonly defaultLevel?: CompatibilityLevel;
  /** Milliseconds a write may take. */
  readonly writeTimeoutMs?: number;
  /** Milliseconds that checking one schema may take. */
  readonly checkBudgetMs?: number | undefined;
  /** What an incompatible schema is refused with, 409. */
  readonly incompatibleErrorCode?: 409 | 40901;
  /** Where what the log says is kept for the next start; without it every start reads the whole log. */
  readonly snapshot?: SnapshotOptions;
  /** Told of each version that was taken although a record breaks by it, whoever registered it. */
  readonly onBreaks?: (version: SchemaVersion, answer: SoundAnswer) => void;
}

const DEFAULT_WRITE_TIMEOUT_MS = 10_000;
const LARGEST_VERSION = 2 ** 31 - 1;

export class RegistryCore {
  readonly #store: SchemaStore;
  readonly #state = new RegistryState();
  readonly #writer: RegistryWriter;
  readonly #settings: Settings;
  readonly #registration: Registration;
  readonly #reader: SchemaReader;
  readonly #checker: Checker;
  readonly #deletion: DeletionParts;
  readonly #snapshots: SnapshotKeeper;

  constructor(options: RegistryCoreOptions) {
    this.#store = options.store;
    const state = this.#state;
    const writer = new RegistryWriter(options.store, options.writeTimeoutMs ?? DEFAULT_WRITE_TIMEOUT_MS);
    const settings = new Settings(state, writer, options.defaultLevel ?? 'BACKWARD');
    const checker = new Checker(options.checkBudgetMs);
    const reader = new SchemaReader(state, { ...DEFAULT_LIMITS, ...options.limits }, checker);
    this.#writer = writer;
    this.#settings = settings;
    this.#reader = reader;
    this.#checker = checker;
    const { onBreaks, incompatibleErrorCode } = options;
    const parts = { state, writer, reader, checker, settings };
    this.#registration = new Registration({
      ...parts,
      incompatibleErrorCode,
      ...(onBreaks === undefined ? {} : { onBreaks }),
    });
    this.#deletion = { state, writer, settings };
    this.#snapshots = new SnapshotKeeper(state, options.store, options.snapshot ?? null);
  }

  /** Reads everything kept so far; call it once, before anything else. */
  async start(): Promise<void> {
    await this.#snapshots.start();
  }

  /** Lets changes under way finish, then closes the store. */
  async stop(): Promise<void> {
    await this.#writer.idle();
    await this.#checker.stop();
    await this.#snapshots.stop();
    await this.#store.close();
  }

  /** Writes a snapshot now; it is also done in the background, after many changes and at the end. */
  async writeSnapshot(): Promise<void> {
    await this.#snapshots.write();
  }

  /** Another number after every change of anything kept. */
  get revision(): number {
    return this.#state.revision;
  }

  /** Records of the log that were not understood, for the log of the process. */
  get unreadableRecords(): number {
    return this.#state.unreadable;
  }

  /** How much is kept, for metrics. */
  kept(): { readonly subjects: number; readonly live: number; readonly deleted: number } {
    let [subjects, live, deleted] = [0, 0, 0];
    for (const name of this.#state.subjectNames()) {
      const tally = this.#state.tally(name);
      if (tally.live > 0) subjects++;
      live += tally.live;
      deleted += tally.deleted;
    }
    return { subjects, live, deleted };
  }

  /** Qualified subject names with at least one version that counts, sorted. Default prefix: every context. */
  subjects(filter: VersionFilter & { readonly prefix?: string } = {}): string[] {
    const prefix = filter.prefix ?? ALL_CONTEXTS_PREFIX;
    return this.#state
      .subjectNames()
      .filter((name) => matchesPrefix(name, prefix) && hasAny(this.#state.tally(name), filter))
      .sort();
  }

  /** What a listed subject holds: no alias is followed, and nothing is refused. */
  versionsOf(subject: string, filter: VersionFilter): SchemaVersion[] {
    return this.#state.versions(subject).filter(counts(filter));
  }

  /** Versions of a subject, oldest first. 40401 where it is not there, or is deleted and deleted ones do not count. */
  versions(name: string, filter: VersionFilter = {}): SchemaVersion[] {
    const subject = this.subjectFor(name);
    const all = this.#state.versions(subject);
    const hidesDeleted = filter.deleted !== true && filter.deletedOnly !== true;
    if (all.every(({ deleted }) => deleted && hidesDeleted)) throw errors.subjectNotFound(subject);
    return all.filter(counts(filter));
  }

  /**
   * One version by number, or the latest live one by `latest` or -1. What an unqualified name does not find is looked
   * for in the other contexts. 40401, 40402, 42202.
   */
  version(name: string, token: string | number, filter: VersionFilter = {}): SchemaVersion {
    const number = parseVersion(token);
    const subject = this.subjectFor(name);
    for (const candidate of this.#inContexts(subject)) {
      const versions = this.#state.versions(candidate);
      const found =
        number === 'latest'
          ? versions.findLast(({ deleted }) => !deleted)
          : versions.find((version) => version.version === number && counts(filter)(version));
      if (found !== undefined) return found;
    }
    if (!this.#state.versions(subject).some(counts(filter))) throw errors.subjectNotFound(subject);
    throw errors.versionNotFound(number);
  }

  /** The latest version whose metadata has all these properties. 40401, 40403. */
  latestWithMetadata(
    name: string,
    properties: Readonly<Record<string, string>>,
    filter: VersionFilter = {},
  ): SchemaVersion {
    const wanted = Object.entries(properties);
    const found = this.versions(name, filter).findLast(({ metadata }) => {
      const has = metadata?.properties;
      return has != null && wanted.every(([key, value]) => Object.hasOwn(has, key) && has[key] === value);
    });
    if (found === undefined) throw errors.schemaNotFound();
    return found;
  }

  /** The version that holds a schema, in the other contexts too where the name is unqualified. 40401, 40403, 42201. */
  async lookup(
    name: string,
    request: RegisterRequest,
    options: { readonly normalize?: boolean; readonly deleted?: boolean } = {},
  ): Promise<SchemaVersion> {
    const { normalize = false, deleted = false } = options;
    const [subject = '', ...elsewhere] = this.#inContexts(this.subjectFor(name));
    const found = await this.#registration.lookup(subject, request, { normalize, deleted });
    if (found !== null) return found;
    for (const candidate of elsewhere) {
      if (this.#state.versions(candidate).length === 0) continue;
      // What cannot be read there, for want of what it refers to, is not there.
      const there = await this.#registration.lookup(candidate, request, { normalize, deleted }).catch(() => null);
      if (there !== null) return there;
    }
    throw this.#state.versions(subject).some(counts({ deleted }))
      ? errors.schemaNotFound()
      : errors.subjectNotFound(subject);
  }

  async register(
    name: string,
    request: RegisterRequest,
    options: Partial<RegisterOptions> = {},
  ): Promise<SchemaVersion> {
    const { normalize = false, force = false } = options;
    return this.#registration.register(this.subjectFor(name), request, { ...options, normalize, force });
  }

  /** Against one version (`latest` of an unknown subject is compatible), or, without a token, as registering would. */
  async checkCompatibility(
    name: string,
    token: string | null,
    request: RegisterRequest,
    options: { readonly normalize?: boolean } = {},
  ): Promise<CompatibilityAnswer> {
    const subject = this.subjectFor(name);
    const live = this.#state.versions(subject).filter(({ deleted }) => !deleted);
    let earlier = live;
    if (token !== null) {
      const number = parseVersion(token);
      earlier = number === 'latest' ? live.slice(-1) : live.filter(({ version }) => version === number);
      if (number !== 'latest' && earlier.length === 0) throw errors.versionNotFound(number);
    }
    return this.#registration.check(subject, earlier, request, { normalize: options.normalize ?? false });
  }

  /** What changed from one version to another, whom it breaks, and by which record; null where one is no JSON Schema. */
  async explain(before: SchemaVersion, after: SchemaVersion | RegisterRequest): Promise<Explained | null> {
    const content =
      'guid' in after ? after : this.#reader.contentOf(before.subject, after, { isNormalized: false, isNew: true });
    if (before.schemaType !== 'JSON' || content.schemaType !== 'JSON') return null;
    const context = contextOf(before.subject);
    const sourceOf = ({ schema, references }: SchemaContent) => {
      return { text: schema, references: this.#reader.closure(context, references) };
    };
    const { compatibilityPolicy: policy = 'STRICT' } = this.#settings.configInForce(before.subject);
    const { limits } = this.#reader;
    return this.#checker.explain({ before: sourceOf(before), after: sourceOf(content), policy, limits });
  }

  /** By record, why a schema that is not registered yet refuses it, or null. 42201. */
  async refusals(
    subject: string,
    request: RegisterRequest,
    records: readonly Uint8Array[],
  ): Promise<readonly (string | null)[]> {
    const { schema, references } = this.#reader.contentOf(subject, request, { isNormalized: false, isNew: true });
    const known = this.#reader.closure(contextOf(subject), references);
    return this.#checker.refusals({ schema, references: known, records });
  }

  async deleteSubject(name: string, permanent = false): Promise<number[]> {
    return deleteSubject(this.#deletion, this.subjectFor(name), permanent);
  }

  async deleteVersion(name: string, token: string, permanent = false): Promise<number> {
    return deleteVersion(this.#deletion, this.subjectFor(name), parseVersion(token), permanent);
  }

  /**
   * What an id means in the context of `subject`, which may be a context alone and without which it is the default one.
   * An unqualified subject that does not have the id is looked for in the other contexts first. 40403.
   */
  byId(id: number, subject = ''): SchemaEntry {
    const name = subject === '' ? '' : this.subjectFor(subject);
    const own = this.#state.byId(contextOf(name), id);
    if (name !== '' && contextOf(name) === DEFAULT_CONTEXT) {
      for (const candidate of this.#inContexts(name)) {
        const entry = this.#state.byId(contextOf(candidate), id);
        if (entry !== undefined && holds(entry, candidate)) return entry;
      }
    }
    if (own !== undefined) return own;
    throw errors.schemaNotFound(id);
  }

  /** An Avro schema's text with what it refers to in it; any other's as it is. */
  resolvedText(version: SchemaVersion): string {
    return this.#reader.resolvedText(version.subject, version);
  }

  /** Whether a kept schema may be compiled at once; a long one is compiled elsewhere first. 42201. */
  isShort(version: SchemaVersion): boolean {
    return this.#reader.isShort(version);
  }

  /** Rejects with 42201 where a kept schema takes too long to compile, or cannot be. */
  async compileElsewhere(version: SchemaVersion): Promise<void> {
    return this.#reader.compileElsewhere(version);
  }

  /** The texts a schema reaches by its references, by name. */
  referencesOf(version: SchemaVersion): readonly NamedText[] {
    return this.#reader.closure(contextOf(version.subject), version.references);
  }

  /** Where a GUID is known: each context with its id. 40403. */
  byGuid(guid: string): { readonly context: string; readonly entry: SchemaEntry }[] {
    const wanted = guid.toLowerCase();
    const found = this.#state.contexts().flatMap((context) => {
      const entry = this.#state.byGuid(context, wanted);
      return entry === undefined ? [] : [{ context, entry }];
    });
    if (found.length === 0) throw errors.schemaNotFound(guid);
    return found;
  }

  maxId(subject = ''): number {
    return this.#state.maxId(contextOf(subject));
  }

  /** Ids of the schemas whose references name this version. */
  referencedBy(name: string, token: string, filter: VersionFilter = {}): number[] {
    const { subject, version } = this.version(name, token, { deleted: true });
    const ids = this.#state
      .referrers(subject, version)
      .filter(counts(filter))
      .map(({ id }) => id);
    return [...new Set(ids)].sort((a, b) => a - b);
  }

  contexts(): string[] {
    return this.#state.contexts().sort();
  }

  /** The other names of each subject, by their configuration; those that begin with the prefix. */
  aliases(prefix: string): ReadonlyMap<string, readonly string[]> {
    const names = this.#state
      .configScopes()
      .filter((name) => matchesPrefix(name, prefix) && this.subjectFor(name) !== name);
    return Map.groupBy(names.sort(), (name) => this.subjectFor(name));
  }

  async deleteContext(context: string): Promise<void> {
    assertValidContext(context);
    await deleteContext(this.#deletion, context);
  }

  config(name: string | null, defaultToGlobal = false): SubjectConfig {
    return this.#settings.config(scope(name), defaultToGlobal);
  }

  /** The level in force for a subject. */
  compatibilityLevel(name: string): CompatibilityLevel {
    return this.#settings.configInForce(canonicalName(name)).compatibilityLevel;
  }

  async putConfig(name: string | null, change: ConfigChange): Promise<SubjectConfig> {
    return this.#settings.putConfig(scope(name), change);
  }

  async deleteConfig(name: string | null): Promise<SubjectConfig> {
    return this.#settings.deleteConfig(scope(name));
  }

  mode(name: string | null, defaultToGlobal = false): Mode {
    return this.#settings.mode(scope(name), defaultToGlobal);
  }

  async putMode(name: string | null, mode: unknown, force = false): Promise<Mode | null> {
    return this.#settings.putMode(scope(name), mode, force);
  }

  async deleteMode(name: string | null, recursive = false): Promise<Mode | null> {
    return this.#settings.deleteMode(scope(name), recursive);
  }

  /** The subject a name stands for: its own configuration's alias, followed once, in the same context. */
  subjectFor(name: string): string {
    const subject = canonicalName(name);
    const alias = this.#settings.aliasOf(subject);
    return alias === null ? subject : inContext(contextOf(subject), alias);
  }

  /** A subject, and where its name is unqualified its namesakes in the other contexts. */
  #inContexts(subject: string): string[] {
    if (contextOf(subject) !== DEFAULT_CONTEXT) return [subject];
    return this.contexts().map((context) => inContext(context, subject));
  }
}

/** The scope of a name; the default context is everything. */
function scope(name: string | null): string | null {
  return name === null ? null : canonicalName(name) || null;
}

function holds(entry: SchemaEntry, subject: string): boolean {
  for (const version of entry.versions.values()) if (version.subject === subject) return true;
  return false;
}

/** Whether a subject with so many versions is listed; `deletedOnly` means those that are deleted as a whole. */
function hasAny(
  { live, deleted }: { readonly live: number; readonly deleted: number },
  filter: VersionFilter,
): boolean {
  return filter.deletedOnly === true ? live === 0 : live > 0 || (filter.deleted === true && deleted > 0);
}

function counts(filter: VersionFilter): (version: SchemaVersion) => boolean {
  if (filter.deletedOnly === true) return ({ deleted }) => deleted;
  return filter.deleted === true ? () => true : ({ deleted }) => !deleted;
}

/** 42202 for anything but a positive int, `latest` in any case, and -1. */
function parseVersion(token: string | number): number | 'latest' {
  const text = String(token);
  if (text.toLowerCase() === 'latest' || text === '-1') return 'latest';
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > LARGEST_VERSION) throw errors.invalidVersion(text);
  return number;
}
