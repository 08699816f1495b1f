/**
 * JsonSchemaConverter: JSON behind Confluent's prefix (magic byte 0, schema id), validated against the registered
 * schema on the way in and on the way out.
 *
 * The schema is the subject's latest (`use.latest.version`, `use.latest.with.metadata`), one given in the config (`json.schema`), or the Connect
 * schema's JSON Schema. It is looked up and compiled once, then everything is synchronous. JSON text keeps its bytes.
 */
import {
  type Bytes,
  type Config,
  ConfigError,
  type ConnectValue,
  type Converter,
  type ConverterContext,
  JsonText,
  type RawHeader,
  type RecordValue,
  type RegisteredSchema,
  type Schema,
  type SchemaAndValue,
  type SchemaRegistry,
} from '../api/index.ts';
import type { DataRules } from './data-rules.ts';
import { badData } from './errors.ts';
import { type DecimalFormat, fromJsonSchema, type JsonSchemaStyle, toJsonSchema } from './json-schema-connect.ts';
import { compileSchema, type Validate } from './json-schema-validator.ts';
import { parseJsonText, stringifyJson, textOf } from './json-text.ts';
import { JsonValues } from './json-values.ts';
import type { Migration } from './migrations.ts';
import { plainJson } from './plain-json.ts';
import { referencedSchemas } from './referenced-schemas.ts';
import { registryAccess } from './registry-access.ts';
import { httpRegistry } from './registry-http.ts';

const MAGIC = 0;
const PREFIX_BYTES = 5;
const GUID_MAGIC = 1;
const GUID_HEADER_BYTES = 17;
/** Pairs of versions whose migration is kept. */
const MIGRATIONS_MAX = 1000;
const noHeaders: readonly RawHeader[] = [];
const nothing: SchemaAndValue = { schema: null, value: null };

/** A schema that is known and compiled. */
interface Known {
  readonly id: number;
  readonly title: string | undefined;
  readonly prefix: Buffer;
  /** Magic byte 1 and the GUID, for the header form; null where the registry gives none. */
  readonly header: Buffer | null;
  readonly validate: Validate | null;
  /** The schema's data rules; null where it has none that run. */
  readonly rules: DataRules | null;
  /** The Connect schema, for what is read; null where JSON Schema says more than Connect can. */
  readonly schema: Schema | null;
}

interface Latest {
  readonly known: Known;
  /** Null where the registry does not tell. */
  readonly version: number | null;
  readonly until: number;
}

type Name = (topic: string, isKey: boolean, schema: Schema | null, title: string | undefined) => string;

/** Confluent's strategies, by the last part of their class names. */
const strategies: Record<string, Name> = {
  TopicNameStrategy: (topic, isKey) => `${topic}-${isKey ? 'key' : 'value'}`,
  RecordNameStrategy: (_, __, schema, title) => recordName(schema, title),
  TopicRecordNameStrategy: (topic, _, schema, title) => `${topic}-${recordName(schema, title)}`,
};

function recordName(schema: Schema | null, title: string | undefined): string {
  const name = schema?.name ?? title;
  if (name !== undefined) return name;
  throw badData('The subject name strategy needs a record name: give the schema a name (JSON Schema: a title).');
}

export class JsonSchemaConverter implements Converter {
  #isKey = false;
  #registry!: SchemaRegistry;
  #values!: JsonValues;
  #subjectName!: Name;
  #validates = true;
  #registers = true;
  #usesLatest = false;
  #latestMetadata: Readonly<Record<string, string>> | null = null;
  #latestTtlMs = 0;
  #style: JsonSchemaStyle = { decimals: 'BASE64', oneOfForNullables: true, isOpen: true };
  #headerName = '';
  #writesHeader = false;
  #normalizes = false;
  #fixedId: number | null = null;
  #runsRules = true;
  #roles: readonly string[] = [];
  #given: string | null = null;
  #givenTitle: string | undefined;
  readonly #byId = new Map<number, Known>();
  readonly #byGuid = new Map<string, Known>();
  readonly #bySubject = new Map<string, Latest>();
  readonly #bySchema = new WeakMap<Schema, Map<string, Known>>();
  readonly #byGiven = new Map<string, Known>();
  readonly #migrations = new Map<string, Promise<Migration | null>>();

  configure(config: Config, context: ConverterContext): void {
    this.#isKey = context.isKey;
    this.#registry = registryOf(config, context);
    this.#validates = config.boolean('json.fail.invalid.schema');
    this.#registers = config.boolean('auto.register.schemas');
    this.#latestMetadata = propertiesIn(config.list('use.latest.with.metadata'));
    this.#usesLatest = config.boolean('use.latest.version') || this.#latestMetadata !== null;
    const ttl = config.number('latest.cache.ttl.sec');
    this.#latestTtlMs = ttl < 0 ? Number.POSITIVE_INFINITY : ttl * 1000;
    this.#given = config.optionalString('json.schema');
    this.#givenTitle = this.#given === null ? undefined : titleOf(this.#given);
    this.#runsRules = config.boolean('rules.enabled');
    this.#roles = config.list('rules.roles');
    const strategy = config.string(context.isKey ? 'key.subject.name.strategy' : 'value.subject.name.strategy');
    this.#subjectName = strategies[strategy.slice(strategy.lastIndexOf('.') + 1)]!;
    const side = context.isKey ? 'key' : 'value';
    this.#headerName = `__${side}_schema_id`;
    this.#writesHeader = config.string(`${side}.schema.id.serializer`).endsWith('HeaderSchemaIdSerializer');
    this.#normalizes = config.boolean('normalize.schemas');
    const fixedId = config.number('use.schema.id');
    this.#fixedId = fixedId < 0 ? null : fixedId;
    const decimals = config.string('decimal.format').toUpperCase() as DecimalFormat;
    this.#style = {
      decimals,
      oneOfForNullables: config.boolean('json.oneof.for.nullables'),
      isOpen: config.boolean('object.additional.properties'),
    };
    this.#values = new JsonValues({
      decimalFormat: decimals,
      replaceNullWithDefault: true,
    });
  }

  get addsHeaders(): boolean {
    return this.#writesHeader;
  }

  fromConnectData(
    topic: string,
    schema: Schema | null,
    value: RecordValue,
    headers?: RawHeader[],
  ): Bytes | Promise<Bytes> {
    if (value === null) return null;
    const known = this.#forWriting(topic, schema);
    if (this.#writesHeader) return this.#writeWithHeader(known, schema, value, headers);
    return known instanceof Promise
      ? known.then((ready) => this.#write(ready, schema, value))
      : this.#write(known, schema, value);
  }

  /** The same without its prefix, which a header stands for. */
  async #writeWithHeader(
    pending: Known | Promise<Known>,
    schema: Schema | null,
    value: Exclude<RecordValue, null>,
    headers: RawHeader[] | undefined,
  ): Promise<Bytes> {
    const known = await pending;
    if (known.header === null || headers === undefined) {
      throw badData(
        'The schema has no GUID here, which HeaderSchemaIdSerializer writes: the registry is older than that.',
      );
    }
    const bytes = this.#write(known, schema, value);
    headers.push({ key: this.#headerName, value: known.header });
    return bytes === null ? null : bytes.subarray(PREFIX_BYTES);
  }

  async declareSchema(topic: string, schema: Schema | null): Promise<void> {
    if (schema !== null) await this.#forWriting(topic, schema);
  }

  toConnectData(
    topic: string,
    bytes: Uint8Array | null,
    headers: readonly RawHeader[] = noHeaders,
  ): SchemaAndValue | Promise<SchemaAndValue> {
    if (bytes === null) return nothing;
    for (const { key, value } of headers) {
      if (key === this.#headerName && value !== null) return this.#readByHeader(topic, value, bytes);
    }
    if (bytes.length < PREFIX_BYTES || bytes[0] !== MAGIC) {
      const advice = 'Was it written by another converter? JsonConverter reads plain JSON.';
      throw badData(`The bytes do not begin with magic byte 0 and a schema id. ${advice}`);
    }
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
    const body = bytes.subarray(PREFIX_BYTES);
    const known = this.#byId.get(id);
    return known === undefined
      ? this.#learnId(id).then((ready) => this.#readAs(topic, ready, body))
      : this.#readAs(topic, known, body);
  }

  #readByHeader(topic: string, header: Uint8Array, body: Uint8Array): SchemaAndValue | Promise<SchemaAndValue> {
    const guid = guidIn(header);
    const known = this.#byGuid.get(guid);
    return known === undefined
      ? this.#learnGuid(guid).then((ready) => this.#readAs(topic, ready, body))
      : this.#readAs(topic, known, body);
  }

  /** With the schema it was written with, or with the subject's latest where that is wanted. */
  #readAs(topic: string, written: Known, body: Uint8Array): SchemaAndValue | Promise<SchemaAndValue> {
    if (!this.#usesLatest || !this.#runsRules) return this.#read(written, body);
    const subject = this.#subjectName(topic, this.#isKey, written.schema, written.title);
    const latest = this.#bySubject.get(subject);
    if (latest !== undefined && latest.known === written && latest.until > Date.now()) return this.#read(written, body);
    return this.#readMigrated(subject, written, body);
  }

  async #readMigrated(subject: string, written: Known, body: Uint8Array): Promise<SchemaAndValue> {
    const { known: wanted, version } = await this.#latestOf(subject);
    if (wanted === written || version === null) return this.#read(written, body);
    const migrate = await this.#migrationTo(subject, written.id, version);
    // Without rules between the two a record stays what it was, but for the latest rules on reading.
    if (migrate === null) return this.#read({ ...written, rules: wanted.rules }, body);
    const text = new JsonText(body);
    const value = parsed(text);
    if (written.validate !== null) check(written.validate, text, value);
    return this.#read(wanted, Buffer.from(stringifyJson(await migrate(value))));
  }

  /** Kept: what is between two versions does not change. */
  #migrationTo(subject: string, from: number, to: number): Promise<Migration | null> {
    const key = `${from} ${to} ${subject}`;
    const known = this.#migrations.get(key);
    if (known !== undefined) return known;
    if (this.#migrations.size >= MIGRATIONS_MAX) this.#migrations.clear();
    const found = import('./migrations.ts').then(({ migrationBetween }) =>
      migrationBetween(this.#registry, subject, from, to),
    );
    this.#migrations.set(key, found);
    found.catch(() => this.#migrations.delete(key));
    return found;
  }

  async #learnGuid(guid: string): Promise<Known> {
    if (this.#registry.byGuid === undefined)
      throw badData('The record names its schema by GUID, which this registry does not know.');
    const known = await this.#learnId(await this.#registry.byGuid(guid));
    this.#byGuid.set(guid, known);
    return known;
  }

  #write(known: Known, schema: Schema | null, given: Exclude<RecordValue, null>): Bytes {
    const value = this.#values.inFormat(schema, given) as Exclude<RecordValue, null>;
    if (known.rules?.has('write') === true) return this.#writeRuled(known, known.rules, schema, value);
    if (value instanceof JsonText) {
      const plain = parsed(value);
      if (known.validate !== null) check(known.validate, value, plain);
      return Buffer.concat([known.prefix, value.bytes], PREFIX_BYTES + value.bytes.length);
    }
    const json = schema === null ? plainJson(value) : this.#values.toJson(schema, value);
    const text = stringifyJson(json);
    // NUMERIC decimals are raw JSON objects until they are text: only the text says what will be read.
    known.validate?.(schema === null ? json : JSON.parse(text));
    const bytes = Buffer.allocUnsafe(PREFIX_BYTES + Buffer.byteLength(text));
    known.prefix.copy(bytes);
    bytes.write(text, PREFIX_BYTES);
    return bytes;
  }

  /** Rules change values, so these are read from text of their own, and validated as they will be read. */
  #writeRuled(known: Known, rules: DataRules, schema: Schema | null, value: Exclude<RecordValue, null>): Bytes {
    const json =
      value instanceof JsonText ? value : schema === null ? plainJson(value) : this.#values.toJson(schema, value);
    const message = json instanceof JsonText ? parsed(json) : parseJsonText(stringifyJson(json));
    const text = new JsonText(Buffer.from(stringifyJson(rules.apply('write', message))));
    if (known.validate !== null) check(known.validate, text, parsed(text));
    return Buffer.concat([known.prefix, text.bytes], PREFIX_BYTES + text.bytes.length);
  }

  #read(known: Known, body: Uint8Array): SchemaAndValue {
    let text = new JsonText(body);
    let value = parsed(text);
    if (known.validate !== null) check(known.validate, text, value);
    if (known.rules?.has('read') === true) {
      value = known.rules.apply('read', value) as ConnectValue;
      text = new JsonText(Buffer.from(stringifyJson(value)));
    }
    if (value === null) return { schema: known.schema, value: null };
    if (known.schema === null) return { schema: null, value: text };
    return { schema: known.schema, value: this.#values.fromJson(known.schema, value) };
  }

  /** The schema to write with: plain once it is known, a promise the first time. */
  #forWriting(topic: string, schema: Schema | null): Known | Promise<Known> {
    if (this.#fixedId !== null && !this.#registers)
      return this.#byId.get(this.#fixedId) ?? this.#learnId(this.#fixedId);
    if (this.#usesLatest) {
      const subject = this.#subjectName(topic, this.#isKey, schema, undefined);
      const latest = this.#bySubject.get(subject);
      if (latest !== undefined && latest.until > Date.now()) return latest.known;
      return this.#latestOf(subject).then(({ known }) => known);
    }
    if (this.#given !== null) {
      const subject = this.#subjectName(topic, this.#isKey, schema, this.#givenTitle);
      return this.#byGiven.get(subject) ?? this.#learnGiven(subject, this.#given);
    }
    if (schema === null) {
      const advice = 'Set use.latest.version=true (with a schema registered for the topic) or json.schema.';
      throw badData(`A value without a schema cannot be written with JsonSchemaConverter. ${advice}`);
    }
    const subject = this.#subjectName(topic, this.#isKey, schema, undefined);
    return this.#bySchema.get(schema)?.get(subject) ?? this.#learnSchema(subject, schema);
  }

  async #latestOf(subject: string): Promise<Latest> {
    const before = this.#bySubject.get(subject);
    if (before !== undefined && before.until > Date.now()) return before;
    const found = await this.#askLatest(subject);
    const known = this.#byId.get(found.id) ?? (await this.#learn(found.id, found));
    const latest = { known, version: found.version ?? null, until: Date.now() + this.#latestTtlMs };
    this.#bySubject.set(subject, latest);
    return latest;
  }

  #askLatest(subject: string): ReturnType<SchemaRegistry['latest']> {
    if (this.#latestMetadata === null) return this.#registry.latest(subject);
    if (this.#registry.latestWithMetadata !== undefined) {
      return this.#registry.latestWithMetadata(subject, this.#latestMetadata);
    }
    throw badData('use.latest.with.metadata needs a registry that knows metadata, which this one does not.');
  }

  async #learnGiven(subject: string, text: string): Promise<Known> {
    const known = await this.#idOf(subject, { schemaType: 'JSON', schema: text });
    this.#byGiven.set(subject, known);
    return known;
  }

  async #learnSchema(subject: string, schema: Schema): Promise<Known> {
    const known = await this.#idOf(subject, {
      schemaType: 'JSON',
      schema: JSON.stringify(toJsonSchema(schema, this.#style)),
    });
    const subjects = this.#bySchema.get(schema) ?? new Map<string, Known>();
    this.#bySchema.set(schema, subjects.set(subject, known));
    return known;
  }

  async #idOf(subject: string, registered: RegisteredSchema): Promise<Known> {
    const options = { normalize: this.#normalizes };
    const id = this.#registers
      ? await this.#registry.register(subject, registered, options)
      : await this.#registry.lookup(subject, registered, options);
    // What the registry keeps under the id has the subject's rules, too.
    return (
      this.#byId.get(id) ??
      this.#learn(id, this.#runsRules || this.#writesHeader ? await this.#registry.byId(id) : registered)
    );
  }

  async #learnId(id: number): Promise<Known> {
    return this.#byId.get(id) ?? this.#learn(id, await this.#registry.byId(id));
  }

  async #learn(id: number, registered: RegisteredSchema): Promise<Known> {
    const { schemaType, schema, references } = registered;
    if (schemaType !== 'JSON') throw badData(`Schema ${id} is ${schemaType}, JsonSchemaConverter reads JSON Schema.`);
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(id, 1);
    const referenced = this.#validates ? await referencedSchemas(this.#registry, references ?? []) : new Map();
    const validate = this.#validates
      ? await compileSchema(schema, `schema ${id}`, referenced, this.#registry.matcherOf)
      : null;
    const rules = this.#runsRules ? await rulesOf(id, registered, this.#roles) : null;
    const header = registered.guid === undefined ? null : headerOf(registered.guid);
    const known = {
      id,
      title: titleOf(schema),
      prefix,
      header,
      validate,
      rules,
      schema: fromJsonSchema(JSON.parse(schema)),
    };
    this.#byId.set(id, known);
    return known;
  }
}

/** Magic byte 1 and sixteen bytes: how a header names a schema (schema registry 8). */
function headerOf(guid: string): Buffer {
  return Buffer.concat([Buffer.of(GUID_MAGIC), Buffer.from(guid.replaceAll('-', ''), 'hex')]);
}

function guidIn(header: Uint8Array): string {
  if (header.length !== GUID_HEADER_BYTES || header[0] !== GUID_MAGIC) {
    throw badData('The header that names the schema is not magic byte 1 and a GUID.');
  }
  const hex = Buffer.from(header.subarray(1)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** CEL and what runs rules is loaded with the first schema that has any. */
async function rulesOf(id: number, registered: RegisteredSchema, roles: readonly string[]): Promise<DataRules | null> {
  if (registered.ruleSet === undefined) return null;
  const { dataRules } = await import('./data-rules.ts');
  return dataRules(registered, `Schema ${id}`, roles);
}

function parsed(text: JsonText) {
  try {
    return text.parse();
  } catch (cause) {
    throw badData(`The bytes are not JSON: ${(cause as Error).message}.`, cause);
  }
}

/**
 * Validates JSON text with one parse. Whole numbers beyond 2^53 were read as bigints, which ajv takes for no number: only
 * a text that has such digits and did not fit is read again with plain numbers.
 */
function check(validate: Validate, text: JsonText, value: ConnectValue): void {
  try {
    validate(value);
  } catch (error) {
    const source = textOf(text.bytes);
    if (!/[0-9]{16}/.test(source)) throw error;
    validate(JSON.parse(source));
  }
}

function titleOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { title?: string }).title;
  } catch (cause) {
    const message = `"json.schema" is not JSON: ${(cause as Error).message}.`;
    throw new ConfigError([{ key: 'json.schema', value: text, message }], { cause });
  }
}

/** `name=value` pairs; null where there are none. */
function propertiesIn(pairs: readonly string[]): Readonly<Record<string, string>> | null {
  if (pairs.length === 0) return null;
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** A registry elsewhere brings no engine for its schemas' patterns: that of the one beside the worker is theirs, too. */
function registryOf(config: Config, { registry }: ConverterContext): SchemaRegistry {
  if (config.list('schema.registry.url').length > 0) {
    const matcherOf = registry?.matcherOf;
    return { ...httpRegistry(registryAccess(config)), ...(matcherOf === undefined ? {} : { matcherOf }) };
  }
  if (registry !== undefined) return registry;
  const message = 'JsonSchemaConverter needs "schema.registry.url": this worker has no registry beside it.';
  throw new ConfigError([{ key: 'schema.registry.url', value: null, message }]);
}
