/**
 * Registering, looking up and checking schemas, in the order of Confluent's algorithm.
 *
 * A known schema is found without waiting for the writer, so that registering it again is a plain read; what is new is
 * decided and written by the one writer.
 */
import { avroMessages, type EarlierAvro } from './avro/compatibility.ts';
import type { Checker } from './checking/checker.ts';
import { assertValidRuleSet, mergeMetadata, mergeRuleSets } from './data-contract.ts';
import { errors } from './errors.ts';
import { guidOf } from './identity.ts';
import type { RegisterRequest, SchemaContent, SchemaVersion } from './model.ts';
import { assertTagged } from './required-tags.ts';
import type { SchemaReader } from './schema-reader.ts';
import type { Settings } from './settings.ts';
import { type SoundAnswer, soundLine } from './sound/answer.ts';
import type { RegistryState } from './state.ts';
import { encodeKey, encodeSchemaValue } from './store/topic-format.ts';
import { assertValidSubject, contextOf } from './subject-name.ts';
import type { KeyedValue, RegistryWriter } from './writer.ts';

export interface RegistrationParts {
  readonly state: RegistryState;
  readonly writer: RegistryWriter;
  readonly reader: SchemaReader;
  readonly checker: Checker;
  readonly settings: Settings;
  /** Told of each new version by which a record breaks although it is taken. */
  readonly onBreaks?: (version: SchemaVersion, answer: SoundAnswer) => void;
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
  readonly #onBreaks: NonNullable<RegistrationParts['onBreaks']>;

  constructor(parts: RegistrationParts) {
    this.#state = parts.state;
    this.#writer = parts.writer;
    this.#reader = parts.reader;
    this.#checker = parts.checker;
    this.#settings = parts.settings;
    this.#onBreaks = parts.onBreaks ?? (() => undefined);
  }

  /** The version that holds exactly this schema. 40401, 40403, 42201. */
  async lookup(
    subject: string,
    request: RegisterRequest,
    options: { readonly normalize: boolean; readonly deleted: boolean },
  ): Promise<SchemaVersion> {
    const versions = this.#state.versions(subject).filter(({ deleted }) => options.deleted || !deleted);
    if (versions.length === 0) throw errors.subjectNotFound(subject);
    const content = this.#reader.contentOf(subject, request, this.#isNormalized(subject, options.normalize));
    const found = findByContent(versions, content) ?? findByText(versions, content);
    if (found !== undefined) return found;
    await this.#reader.vet(subject, content);
    throw errors.schemaNotFound();
  }

  /** The version that holds the schema from now on. 409, 42201, 42205, 42207, 42208, 42209, 42210. */
  async register(
    subject: string,
    request: RegisterRequest,
    options: { readonly normalize: boolean; readonly force: boolean; readonly onSound?: (answer: SoundAnswer) => void },
  ): Promise<SchemaVersion> {
    assertValidSubject(subject);
    assertValidRuleSet(request.ruleSet);
    const isNormalized = this.#isNormalized(subject, options.normalize);
    const known = this.#findKnown(subject, request, isNormalized);
    if (known !== undefined) return known;
    return this.#writer.exclusive(async () => {
      this.#assertWritable(subject, request);
      const content = this.#reader.contentOf(subject, this.#filledIn(subject, request), isNormalized);
      await this.#reader.vet(subject, content);
      const live = this.#live(subject);
      const existing = findByContent(live, content);
      if (existing !== undefined && (request.id === undefined || request.id === existing.id)) return existing;
      if (options.force || request.id !== undefined) return this.#write(subject, request, content);
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
    const content = this.#reader.contentOf(
      subject,
      this.#filledIn(subject, request),
      this.#isNormalized(subject, options.normalize),
    );
    await this.#reader.vet(subject, content);
    return this.#compare(subject, content, earlier);
  }

  #findKnown(subject: string, request: RegisterRequest, isNormalized: boolean): SchemaVersion | undefined {
    const { overrideMetadata, overrideRuleSet, defaultMetadata, defaultRuleSet } =
      this.#settings.configInForce(subject);
    const isFilled = overrideMetadata ?? overrideRuleSet ?? defaultMetadata ?? defaultRuleSet;
    if (request.id !== undefined || request.version !== undefined || isFilled !== undefined) return undefined;
    const live = this.#live(subject);
    if (live.length === 0 || (request.schema ?? '') === '') return undefined;
    return findByContent(live, this.#reader.contentOf(subject, request, isNormalized));
  }

  #assertWritable(subject: string, request: RegisterRequest): void {
    const mode = this.#settings.modeInForce(subject);
    if (mode === 'READONLY' || mode === 'READONLY_OVERRIDE' || mode === 'FORWARD') {
      throw errors.notPermitted(`The mode of subject '${subject}' is ${mode}: no new schema may be registered.`);
    }
    if (request.id !== undefined && mode !== 'IMPORT') {
      throw errors.notPermitted(
        `An id may only be chosen in mode IMPORT; the mode of subject '${subject}' is ${mode}.`,
      );
    }
    if (request.id === undefined && mode === 'IMPORT') {
      throw errors.notPermitted(
        `The mode of subject '${subject}' is IMPORT: send the id the schema had, or set another mode.`,
      );
    }
  }

  /** Text, metadata and rules that the request leaves out come from the previous version and the subject's config. */
  #filledIn(subject: string, request: RegisterRequest): RegisterRequest {
    const previous = this.#live(subject).at(-1);
    const config = this.#settings.configInForce(subject);
    const text =
      (request.schema ?? '') === '' && previous !== undefined
        ? { schema: previous.schema, schemaType: previous.schemaType, references: previous.references }
        : {};
    return {
      ...request,
      ...text,
      metadata: mergeMetadata(config.defaultMetadata, request.metadata ?? previous?.metadata, config.overrideMetadata),
      ruleSet: mergeRuleSets(config.defaultRuleSet, request.ruleSet ?? previous?.ruleSet, config.overrideRuleSet),
    };
  }

  async #assertCompatible(
    subject: string,
    content: SchemaContent,
    live: readonly SchemaVersion[],
  ): Promise<SoundAnswer | null> {
    const { isCompatible, messages, sound } = await this.#compare(subject, content, live);
    if (!isCompatible) throw errors.incompatible(subject, messages, sound === null ? {} : { sound });
    return sound;
  }

  async #compare(
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

  async #compareAvro(
    subject: string,
    content: SchemaContent,
    versions: readonly SchemaVersion[],
  ): Promise<CompatibilityAnswer> {
    const next = await this.#reader.parseAvro(subject, content);
    const { compatibilityLevel: level, validateFields = false } = this.#settings.configInForce(subject);
    const earlier: EarlierAvro[] = [];
    for (const old of versions) {
      earlier.push({ version: old.version, schema: old.schema, parsed: await this.#reader.parseAvro(subject, old) });
    }
    const messages = avroMessages(next, earlier, level, validateFields);
    return { isCompatible: messages.length === 0, messages, sound: null };
  }

  async #write(subject: string, request: RegisterRequest, content: SchemaContent): Promise<SchemaVersion> {
    const all = this.#state.versions(subject);
    const version = this.#versionFor(subject, request, all);
    const id = this.#idFor(subject, request, content);
    const record = { subject, version, id, deleted: false, ...content };
    await this.#writer.append([
      ...this.#forgotten(all, id),
      { key: encodeKey({ keytype: 'SCHEMA', subject, version }), value: encodeSchemaValue(record) },
    ]);
    const written = this.#state.version(subject, version);
    if (written === undefined) throw errors.store(new Error('the record that was written was not read back'));
    return written;
  }

  #versionFor(subject: string, request: RegisterRequest, all: readonly SchemaVersion[]): number {
    const next = (all.at(-1)?.version ?? 0) + 1;
    const { version } = request;
    if (version === undefined || version <= 0) return next;
    if (request.id === undefined && version !== next) {
      throw errors.invalidSchema(`Version ${version} of subject '${subject}' cannot be next: ${next} is.`);
    }
    return version;
  }

  #idFor(subject: string, request: RegisterRequest, content: SchemaContent): number {
    const context = contextOf(subject);
    const guid = guidOf(content);
    if (request.id === undefined) return this.#state.byGuid(context, guid)?.id ?? this.#state.maxId(context) + 1;
    const holder = this.#state.byId(context, request.id);
    if (holder !== undefined && holder.guid !== guid) {
      throw errors.idMismatch(request.id, 'another schema already has it.');
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

  #isNormalized(subject: string, asked: boolean): boolean {
    return asked || this.#settings.configInForce(subject).normalize === true;
  }
}

function findByContent(versions: readonly SchemaVersion[], content: SchemaContent): SchemaVersion | undefined {
  const guid = guidOf(content);
  return versions.findLast((version) => version.guid === guid);
}

/** Who names neither metadata nor rules, as serializers do, means the latest version of that text, whatever it has. */
function findByText(versions: readonly SchemaVersion[], content: SchemaContent): SchemaVersion | undefined {
  if (content.metadata !== null || content.ruleSet !== null) return undefined;
  const guid = guidOf(content);
  return versions.findLast((version) => guidOf({ ...version, metadata: null, ruleSet: null }) === guid);
}

function groupOf(schema: Pick<SchemaContent, 'metadata'>, property: string): string | undefined {
  return schema.metadata?.properties?.[property];
}

function typeChanged(old: SchemaVersion, content: SchemaContent): string {
  return `Incompatible because of different schema type: version ${old.version} is ${old.schemaType}, this one is ${content.schemaType}`;
}
