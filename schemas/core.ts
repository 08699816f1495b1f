/**
 * The registry core: what rest/ and in-process.ts ask, answered from the fold and changed through the one writer.
 *
 * No HTTP here and no I/O of its own; the store keeps it. Every refusal is a RegistryError with Confluent's number.
 */
import { Checker } from './checking/checker.ts';
import { type DeletionParts, deleteContext, deleteSubject, deleteVersion } from './deletion.ts';
import { errors } from './errors.ts';
import type { CompatibilityLevel, Mode, RegisterRequest, SchemaVersion, SubjectConfig } from './model.ts';
import { DEFAULT_LIMITS, type NamedText, type SchemaLimits } from './parse/parse-schema.ts';
import { type CompatibilityAnswer, Registration } from './registration.ts';
import { SchemaReader } from './schema-reader.ts';
import { type ConfigChange, Settings } from './settings.ts';
import type { SoundAnswer } from './sound/answer.ts';
import { RegistryState, type SchemaEntry } from './state.ts';
import type { SchemaStore } from './store/store.ts';
import {
  ALL_CONTEXTS_PREFIX,
  assertValidContext,
  canonicalName,
  contextOf,
  DEFAULT_CONTEXT,
  matchesPrefix,
} from './subject-name.ts';
import { RegistryWriter } from './writer.ts';

/** Which versions count: live ones, deleted ones too, or only those. */
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
    const { onBreaks } = options;
    const parts = { state, writer, reader, checker, settings };
    this.#registration = new Registration({ ...parts, ...(onBreaks === undefined ? {} : { onBreaks }) });
    this.#deletion = { state, writer, settings };
  }

  /** Reads everything kept so far; call it once, before anything else. */
  async start(): Promise<void> {
    await this.#store.open((record) => this.#state.apply(record));
  }

  /** Lets changes under way finish, then closes the store. */
  async stop(): Promise<void> {
    await this.#writer.idle();
    await this.#checker.stop();
    await this.#store.close();
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
      const versions = this.#state.versions(name);
      const alive = versions.filter((version) => !version.deleted).length;
      if (alive > 0) subjects++;
      live += alive;
      deleted += versions.length - alive;
    }
    return { subjects, live, deleted };
  }

  /** Qualified subject names with at least one version that counts, sorted. Default prefix: every context. */
  subjects(filter: VersionFilter & { readonly prefix?: string } = {}): string[] {
    const prefix = filter.prefix ?? ALL_CONTEXTS_PREFIX;
    return [...this.#state.subjectNames()]
      .filter((name) => matchesPrefix(name, prefix) && this.#state.versions(name).some(counts(filter)))
      .sort();
  }

  /** Versions of a subject, oldest first. 40401 when none counts. */
  versions(name: string, filter: VersionFilter = {}): SchemaVersion[] {
    const subject = this.subjectFor(name);
    const versions = this.#state.versions(subject).filter(counts(filter));
    if (versions.length === 0) throw errors.subjectNotFound(subject);
    return versions;
  }

  /** One version by number, `latest` or -1. 40401, 40402, 42202. */
  version(name: string, token: string | number, filter: VersionFilter = {}): SchemaVersion {
    const number = parseVersion(token);
    const versions = this.versions(name, { ...filter, deleted: filter.deleted ?? false });
    const found = number === 'latest' ? versions.at(-1) : versions.find(({ version }) => version === number);
    if (found === undefined) throw errors.versionNotFound(number);
    return found;
  }

  async lookup(
    name: string,
    request: RegisterRequest,
    options: { readonly normalize?: boolean; readonly deleted?: boolean } = {},
  ): Promise<SchemaVersion> {
    const { normalize = false, deleted = false } = options;
    return this.#registration.lookup(this.subjectFor(name), request, { normalize, deleted });
  }

  async register(
    name: string,
    request: RegisterRequest,
    options: {
      readonly normalize?: boolean;
      readonly force?: boolean;
      /** Told what the sound checker found, when it was asked and the schema is registered. */
      readonly onSound?: (answer: SoundAnswer) => void;
    } = {},
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

  async deleteSubject(name: string, permanent = false): Promise<number[]> {
    return deleteSubject(this.#deletion, canonicalName(name), permanent);
  }

  async deleteVersion(name: string, token: string, permanent = false): Promise<number> {
    const subject = canonicalName(name);
    const number = parseVersion(token);
    const version = number === 'latest' ? this.version(subject, 'latest', { deleted: permanent }).version : number;
    return deleteVersion(this.#deletion, subject, version, permanent);
  }

  /** What an id means. `subject` says in which context; without one the others are searched too. 40403. */
  byId(id: number, subject = ''): SchemaEntry {
    const context = contextOf(subject);
    const contexts = context === DEFAULT_CONTEXT ? [context, ...this.#state.contexts()] : [context];
    for (const name of contexts) {
      const entry = this.#state.byId(name, id);
      if (entry !== undefined) return entry;
    }
    throw errors.schemaNotFound(id);
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

  async putMode(name: string | null, mode: unknown, force = false): Promise<Mode> {
    return this.#settings.putMode(scope(name), mode, force);
  }

  /** Every mode that is set for a subject of the context (`:.ctx:`), or, with null, for any subject. */
  async deleteModesBelow(name: string | null): Promise<void> {
    const prefix = name === null ? ALL_CONTEXTS_PREFIX : canonicalName(name);
    if (name !== null && !prefix.endsWith(':')) return;
    const set = this.#state.modeScopes().filter((subject) => subject !== name && matchesPrefix(subject, prefix));
    for (const subject of set) await this.#settings.deleteMode(subject);
  }

  async deleteMode(name: string | null): Promise<Mode> {
    return this.#settings.deleteMode(scope(name));
  }

  /** The subject a name stands for: aliases are followed once, as in Confluent's registry. */
  subjectFor(name: string): string {
    const subject = canonicalName(name);
    const alias = this.#settings.configInForce(subject).alias;
    return alias === undefined || alias === '' ? subject : canonicalName(alias);
  }
}

function scope(name: string | null): string | null {
  return name === null ? null : canonicalName(name);
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
