/**
 * Registering, looking up and checking schemas, in the order of Confluent's algorithm.
 *
 * A known schema is found without waiting for the writer, so that registering it again is a plain read; what is new is
 * decided and written by the one writer.
 */
import { avroMessages, type EarlierAvro } from './avro/compatibility.ts';
import type { Checker } from './checking/checker.ts';
import { hasNotedVersion, meansMetadata, withNotedVersion } from './confluent-version.ts';
import { assertValidRuleSet, mergeMetadata, mergeRuleSets } from './data-contract.ts';
import { errors } from './errors.ts';
import { guidOf } from './identity.ts';
import type { Mode, RegisterRequest, SchemaContent, SchemaVersion } from './model.ts';
import { assertTagged } from './required-tags.ts';
import { assertFieldNames, fieldProblems } from './reserved-fields.ts';
import type { SchemaReader } from './schema-reader.ts';
import type { Settings } from './settings.ts';
import { type SoundAnswer, soundLine } from './sound/answer.ts';
import type { RegistryState } from './state.ts';
import { encodeContextValue, encodeKey, encodeSchemaValue } from './store/topic-format.ts';
import { assertValidSubject, contextOf, DEFAULT_CONTEXT } from './subject-name.ts';
import { withTagsOf } from './tags.ts';
import type { KeyedValue, RegistryWriter } from './writer.ts';

export interface RegistrationParts {
  readonly state: RegistryState;
  readonly writer: RegistryWriter;
  readonly reader: SchemaReader;
  readonly checker: Checker;
  readonly settings: Settings;
  /** What an incompatible schema is refused with, 409. */
  readonly incompatibleErrorCode?: 409 | 40901 | undefined;
  /** Told of each new version by which a record breaks although it is taken. */
  readonly onBreaks?: (version: SchemaVersion, answer: SoundAnswer) => void;
}

export interface RegisterOptions {
  readonly normalize: boolean;
  /** Neither compatibility nor required tags are asked for. */
  readonly force: boolean;
  /** The text has been given tags, so that even a known one is a new version. */
  readonly isTagged?: boolean;
  /** The tags of the previous version are put on the new text. */
  readonly propagatesTags?: boolean;
  /** Told what the sound checker found, when it was asked and the schema is registered. */
  readonly onSound?: (answer: SoundAnswer) => void;
}

export interface CompatibilityAnswer {
  readonly isCompatible: boolean;
  /** Why not, in Confluent's form; empty when compatible. */
  readonly messages: readonly string[];
  /** What happens to records; null when the level compares nothing or the schemas are not JSON Schema. */
  readonly sound: SoundAnswer | null;
}

export class Registration {
  readonly #state: RegistryState;
  readonly #writer: RegistryWriter;
  readonly #reader: SchemaReader;
  readonly #checker: Checker;
  readonly #settings: Settings;
  readonly #refusal: 409 | 40901;
  readonly #onBreaks: NonNullable<RegistrationParts['onBreaks']>;

  constructor(parts: RegistrationParts) {
    this.#state = parts.state;
    this.#writer = parts.writer;
    this.#reader = parts.reader;
    this.#checker = parts.checker;
    this.#settings = parts.settings;
    this.#refusal = parts.incompatibleErrorCode ?? 409;
    this.#onBreaks = parts.onBreaks ?? (() => undefined);
  }

  /** The version that holds this schema; null where none does. 42201. */
  async lookup(
    subject: string,
    request: RegisterRequest,
    options: { readonly normalize: boolean; readonly deleted: boolean },
  ): Promise<SchemaVersion | null> {
    const all = this.#state.versions(subject);
    const versions = all.filter(({ deleted }) => options.deleted || !deleted);
    const isNormalized = this.#isNormalized(subject, options.normalize);
    const contentOf = (asked: RegisterRequest) =>
      this.#reader.contentOf(subject, asked, { isNormalized, isNew: false });
    const content = contentOf(request);
    const found =
      this.#findMeant(subject, versions, content, request.version === -1) ??
      (all.every(({ deleted }) => deleted)
        ? undefined
        : this.#findMeant(subject, versions, contentOf(this.#filledIn(subject, request, null))));
    if (found !== undefined) return found;
    const byText = request.version === -1 ? undefined : findByText(versions, content);
    if (byText !== undefined) return byText;
    await this.#reader.vet(subject, content);
    return null;
  }

  /** The version that holds the schema from now on. 409, 42201, 42205, 42208, 42209, 42210. */
  async register(subject: string, request: RegisterRequest, options: RegisterOptions): Promise<SchemaVersion> {
    assertValidSubject(subject);
    assertValidRuleSet(request.ruleSet);
    const isTagged = options.isTagged === true || options.propagatesTags === true;
    const known = isTagged
      ? undefined
      : this.#findKnown(subject, request, this.#isNormalized(subject, options.normalize));
    if (known !== undefined) return known;
    return this.#writer.exclusive(async () => {
      const isImport = this.#assertWritable(subject, request) === 'IMPORT';
      const isNormalized = this.#isNormalized(subject, options.normalize);
      const wanted = isImport ? request : this.#filledIn(subject, request, options);
      const isNew = request.id === undefined;
      const isJudged = isNew && this.#judgesNew(subject);
      const content = this.#reader.contentOf(subject, wanted, { isNormalized, isNew: isJudged });
      // What is imported is kept as it is: it was checked where it comes from, and is checked again where it is used.
      if (!isImport) await this.#reader.vet(subject, content);
      const live = this.#live(subject);
      const existing = request.version === undefined ? this.#findMeant(subject, live, content) : undefined;
      if (existing !== undefined && (isNew || request.id === existing.id)) return existing;
      if (options.force || isImport) return this.#write(subject, request, content);
      assertTagged(content, this.#settings.configInForce(subject).requiredTags ?? []);
      const sound = await this.#assertCompatible(subject, content, live);
      if (sound !== null) options.onSound?.(sound);
      const written = await this.#write(subject, request, content);
      if (sound?.verdict === 'breaks') this.#onBreaks(written, sound);
      return written;
    });
  }

  /** Whether the schema could follow one version, or (null) the versions that registering would look at. */
  async check(
    subject: string,
    earlier: readonly SchemaVersion[],
    request: RegisterRequest,
    options: { readonly normalize: boolean },
  ): Promise<CompatibilityAnswer> {
    const content = this.#reader.contentOf(subject, this.#filledIn(subject, request, null), {
      isNormalized: this.#isNormalized(subject, options.normalize),
      isNew: this.#judgesNew(subject),
    });
    await this.#reader.vet(subject, content);
    return this.#compare(subject, content, earlier);
  }

  /** What registering again is a plain read of: not where metadata or rules of the subject's would be added. */
  #findKnown(subject: string, request: RegisterRequest, isNormalized: boolean): SchemaVersion | undefined {
    const { overrideMetadata, overrideRuleSet, defaultMetadata, defaultRuleSet } =
      this.#settings.configInForce(subject);
    const isFilled = overrideMetadata ?? overrideRuleSet ?? defaultMetadata ?? defaultRuleSet;
    const live = this.#live(subject);
    if (isFilled !== undefined || live.length === 0 || (request.schema ?? '') === '') return undefined;
    const isLatest = request.version === -1;
    const content = this.#reader.contentOf(subject, request, { isNormalized, isNew: false });
    const found = this.#findMeant(subject, live, content, isLatest);
    if (found === undefined || request.version === undefined || isLatest) {
      return request.id === undefined || request.id === found?.id ? found : undefined;
    }
    // Imported again: the same schema may have come as several versions.
    return live.find(
      ({ version, id, guid }) => version === request.version && id === request.id && guid === found.guid,
    );
  }

  /** The version that is meant by what was sent: exactly it, or it but for what the registry itself has added. */
  #findMeant(
    subject: string,
    versions: readonly SchemaVersion[],
    content: SchemaContent,
    isLatest = false,
  ): SchemaVersion | undefined {
    const counted = isLatest ? versions.slice(-1) : versions;
    const exact = isLatest ? undefined : findByContent(counted, content);
    if (exact !== undefined) return exact;
    const core = coreOf(content);
    return counted.findLast((version) => {
      if (version.schemaType !== content.schemaType) return false;
      // Most versions end here: a subject may have thousands.
      if (coreOfVersion(version) !== core && !this.#isSpelledOut(subject, content, version)) return false;
      return meansMetadata(content.metadata, version.metadata, version.version);
    });
  }

  /** An Avro schema that names nothing of others, because it has all of it in itself. */
  #isSpelledOut(subject: string, content: SchemaContent, version: SchemaVersion): boolean {
    if (content.schemaType !== 'AVRO' || content.references.length > 0 || version.references.length === 0) return false;
    const resolved = this.#reader.resolvedText(subject, version);
    return coreOf({ ...version, schema: resolved, references: [] }) === coreOf(content);
  }

  /** Which mode lets it be registered. */
  #assertWritable(subject: string, request: RegisterRequest): Mode {
    this.#settings.assertWritable(subject);
    const mode = this.#settings.modeInForce(subject);
    if (mode === 'FORWARD') {
      throw errors.notPermitted(`Subject ${subject} is not in read-write mode: new schemas are forwarded nowhere.`);
    }
    if (request.id !== undefined && mode !== 'IMPORT') {
      throw errors.notPermitted(
        `Subject ${subject} is not in import mode: an id may only be chosen in mode IMPORT; the mode is ${mode}.`,
      );
    }
    if (request.id === undefined && mode === 'IMPORT') {
      throw errors.notPermitted(
        `Subject ${subject} is not in read-write mode: in mode IMPORT send the id the schema had, or set another mode.`,
      );
    }
    return mode;
  }

  /**
   * Text, metadata and rules that the request leaves out come from the previous version and the subject's config; who
   * registers (`options`) gets the version noted where it is asked for or was before.
   */
  #filledIn(subject: string, request: RegisterRequest, options: RegisterOptions | null): RegisterRequest {
    const previous = this.#live(subject).at(-1);
    const config = this.#settings.configInForce(subject);
    const text =
      (request.schema ?? '').trim() === '' && previous !== undefined
        ? { schema: previous.schema, schemaType: previous.schemaType, references: previous.references }
        : {};
    const metadata = mergeMetadata(
      config.defaultMetadata,
      request.metadata ?? previous?.metadata,
      config.overrideMetadata,
    );
    const isNoted = options !== null && (request.version !== undefined || hasNotedVersion(metadata));
    const filled: RegisterRequest = {
      ...request,
      ...text,
      metadata: isNoted ? withNotedVersion(metadata, this.#nextVersion(subject)) : metadata,
      ruleSet: mergeRuleSets(config.defaultRuleSet, request.ruleSet ?? previous?.ruleSet, config.overrideRuleSet),
    };
    if (options?.propagatesTags !== true || previous === undefined || filled.schema === undefined) return filled;
    return { ...filled, schema: withTagsOf(previous, filled.schema) };
  }

  async #assertCompatible(
    subject: string,
    content: SchemaContent,
    live: readonly SchemaVersion[],
  ): Promise<SoundAnswer | null> {
    const { isCompatible, messages, sound } = await this.#compare(subject, content, live);
    if (!isCompatible) throw errors.incompatible(subject, messages, this.#refusal, sound === null ? {} : { sound });
    return sound;
  }

  async #compare(
    subject: string,
    content: SchemaContent,
    versions: readonly SchemaVersion[],
  ): Promise<CompatibilityAnswer> {
    const config = this.#settings.configInForce(subject);
    if (config.validateFields === true) assertFieldNames(content);
    const problems = config.validateFields === true ? fieldProblems(content, versions.at(-1)) : [];
    const answer = await this.#compareLevel(subject, content, versions);
    if (problems.length === 0) return answer;
    const last = `{validateFields: 'true', compatibility: '${config.compatibilityLevel}'}`;
    return {
      isCompatible: false,
      messages: [...problems, ...(answer.messages.length > 0 ? answer.messages : [last])],
      sound: answer.sound,
    };
  }

  async #compareLevel(
    subject: string,
    content: SchemaContent,
    versions: readonly SchemaVersion[],
  ): Promise<CompatibilityAnswer> {
    const config = this.#settings.configInForce(subject);
    const level = config.compatibilityLevel;
    if (level === 'NONE' || versions.length === 0) return { isCompatible: true, messages: [], sound: null };
    const group = config.compatibilityGroup;
    const counted =
      group === undefined ? versions : versions.filter((old) => groupOf(old, group) === groupOf(content, group));
    const otherType = counted.find(({ schemaType }) => schemaType !== content.schemaType);
    if (otherType !== undefined) {
      return { isCompatible: false, messages: [typeChanged(otherType, content)], sound: null };
    }
    const last = level.endsWith('_TRANSITIVE') ? counted : counted.slice(-1);
    if (content.schemaType === 'AVRO') return this.#compareAvro(subject, content, last);
    const context = contextOf(subject);
    const textOf = ({ schema, references }: SchemaContent) => ({
      schema,
      references: this.#reader.closure(context, references),
    });
    const { messages, sound } = await this.#checker.compare({
      ...textOf(content),
      earlier: last.map((old) => ({ ...textOf(old), version: old.version })),
      level,
      policy: config.compatibilityPolicy ?? 'STRICT',
      validateFields: config.validateFields ?? false,
      limits: this.#reader.limits,
    });
    const isRefused = sound.verdict === 'breaks' && config.soundPolicy === 'REFUSE';
    if (messages.length === 0 && !isRefused) return { isCompatible: true, messages: [], sound };
    // Clients take any message for "incompatible", so a proof of the contrary is one more line of these only.
    return { isCompatible: false, messages: [...messages, `{sound: '${soundLine(sound)}'}`], sound };
  }

  #compareAvro(subject: string, content: SchemaContent, versions: readonly SchemaVersion[]): CompatibilityAnswer {
    const next = this.#reader.parseAvro(subject, content, true);
    const { compatibilityLevel: level, validateFields = false } = this.#settings.configInForce(subject);
    const earlier: EarlierAvro[] = [];
    for (const old of versions) {
      earlier.push({ version: old.version, schema: old.schema, parsed: this.#reader.parseAvro(subject, old, true) });
    }
    const messages = avroMessages(next, earlier, level, validateFields);
    return { isCompatible: messages.length === 0, messages, sound: null };
  }

  async #write(subject: string, request: RegisterRequest, content: SchemaContent): Promise<SchemaVersion> {
    const all = this.#state.versions(subject);
    const version = this.#versionFor(subject, request);
    const id = this.#idFor(subject, request, content);
    const record = { subject, version, id, deleted: false, ...content };
    await this.#writer.append([
      ...this.#newContext(contextOf(subject)),
      ...this.#forgotten(all, id),
      { key: encodeKey({ keytype: 'SCHEMA', subject, version }), value: encodeSchemaValue(record) },
    ]);
    const written = this.#state.version(subject, version);
    if (written === undefined) throw errors.store(new Error('the record that was written was not read back'));
    return written;
  }

  /** The record of a context that has none yet. */
  #newContext(context: string): KeyedValue[] {
    const key = { keytype: 'CONTEXT', context } as const;
    if (context === DEFAULT_CONTEXT || this.#state.keyBytes(key).length > 0) return [];
    return [{ key: encodeKey(key), value: encodeContextValue(context) }];
  }

  #nextVersion(subject: string): number {
    return (this.#state.versions(subject).at(-1)?.version ?? 0) + 1;
  }

  #versionFor(subject: string, request: RegisterRequest): number {
    const next = this.#nextVersion(subject);
    const { version } = request;
    if (version === undefined || version <= 0) return next;
    if (request.id === undefined && version !== next) {
      throw errors.invalidSchema(
        `Invalid schema: version ${version} is not one more than the previous version of subject '${subject}'; ${next} is.`,
      );
    }
    return version;
  }

  #idFor(subject: string, request: RegisterRequest, content: SchemaContent): number {
    const context = contextOf(subject);
    const guid = guidOf(content);
    if (request.id === undefined) return this.#state.byGuid(context, guid)?.id ?? this.#state.maxId(context) + 1;
    const holder = this.#state.byId(context, request.id);
    if (holder !== undefined && holder.guid !== guid) {
      throw errors.notPermitted(
        `Overwrite new schema with id ${request.id} in context ${context} is not permitted: another schema has that id.`,
      );
    }
    return request.id;
  }

  /** Older soft-deleted versions of the same schema give way, unless others still refer to them. */
  #forgotten(all: readonly SchemaVersion[], id: number): KeyedValue[] {
    return all
      .filter((old) => old.deleted && old.id === id && this.#state.referrers(old.subject, old.version).length === 0)
      .flatMap((old) => this.#settings.tombstones({ keytype: 'SCHEMA', subject: old.subject, version: old.version }));
  }

  #live(subject: string): SchemaVersion[] {
    return this.#state.versions(subject).filter(({ deleted }) => !deleted);
  }

  /** `validateNewSchemas`: whether new schemas are judged more strictly than what is there. */
  #judgesNew(subject: string): boolean {
    return this.#settings.configInForce(subject).validateNewSchemas !== false;
  }

  /** What is imported is never. */
  #isNormalized(subject: string, asked: boolean): boolean {
    const isWanted = asked || this.#settings.configInForce(subject).normalize === true;
    return isWanted && this.#settings.modeInForce(subject) !== 'IMPORT';
  }
}

function findByContent(versions: readonly SchemaVersion[], content: SchemaContent): SchemaVersion | undefined {
  const guid = guidOf(content);
  return versions.findLast((version) => version.guid === guid);
}

/** What a schema is without its metadata. */
function coreOf(content: SchemaContent): string {
  return guidOf({ ...content, metadata: null });
}

function coreOfVersion(version: SchemaVersion): string {
  return version.metadata === null ? version.guid : coreOf(version);
}

/** Who names neither metadata nor rules, as serializers do, means the latest version of that text, whatever it has. */
function findByText(versions: readonly SchemaVersion[], content: SchemaContent): SchemaVersion | undefined {
  if (content.metadata !== null || content.ruleSet !== null) return undefined;
  const guid = guidOf(content);
  return versions.findLast((version) => {
    const isPlain = version.metadata === null && version.ruleSet === null;
    return (isPlain ? version.guid : guidOf({ ...version, metadata: null, ruleSet: null })) === guid;
  });
}

function groupOf(schema: Pick<SchemaContent, 'metadata'>, property: string): string | undefined {
  return schema.metadata?.properties?.[property];
}

function typeChanged(old: SchemaVersion, content: SchemaContent): string {
  return `Incompatible because of different schema type: version ${old.version} is ${old.schemaType}, this one is ${content.schemaType}`;
}
