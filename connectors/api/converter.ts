/**
 * Converters stand between Connect data and the bytes in the log. Steps 3 and 9 of the record's journey.
 *
 * One instance serves one task and one side (key or value). Both directions are synchronous, because records do not
 * wait; a converter that needs the outside world (the schema registry) answers a promise the first time it meets a
 * schema and plain bytes ever after.
 */
import type { Config } from './config.ts';
import type { AddedMembers } from './json-members.ts';
import type { Fields } from './member-code.ts';
import type { Header } from './record.ts';
import type { RecordValue, Schema, SchemaAndValue } from './schema.ts';

/** What a converter may use of the house it runs in. */
export interface ConverterContext {
  readonly isKey: boolean;
  /** Present where the worker has a registry beside it; else the converter uses its `schema.registry.url`. */
  readonly registry?: SchemaRegistry;
}

/** The two questions a converter has for a schema registry; answers are immutable and may be cached for ever. */
export interface SchemaRegistry {
  /** Registers the schema under the subject if it is new. Rejects with DataError when it is incompatible. */
  register(subject: string, schema: RegisteredSchema, options?: RegistryOptions): Promise<number>;
  /** The id of a schema that is already registered under the subject; rejects with DataError when it is not. */
  lookup(subject: string, schema: RegisteredSchema, options?: RegistryOptions): Promise<number>;
  /** The latest version under the subject. Rejects with DataError when there is none. */
  latest(subject: string): Promise<RegisteredSchema & { readonly id: number; readonly version?: number }>;
  /** The latest version whose metadata has all these properties. Absent where metadata is not known. */
  latestWithMetadata?(
    subject: string,
    properties: Readonly<Record<string, string>>,
  ): Promise<RegisteredSchema & { readonly id: number; readonly version?: number }>;
  byId(id: number): Promise<RegisteredSchema>;
  /** The id of the schema with this GUID, which means the same in every registry. Absent where GUIDs are not known. */
  byGuid?(guid: string): Promise<number>;
  /** Where a schema is registered, deleted versions too. Absent where versions are not known. */
  versionsOf?(id: number): Promise<readonly { readonly subject: string; readonly version: number }[]>;
  /** One version under a subject, immutable: how a schema's references are fetched. Absent where there is no need. */
  version?(subject: string, version: number): Promise<RegisteredSchema>;
  /**
   * How a schema's regular expressions are matched, in time that the text's length bounds. Throws for a pattern it will
   * not match. Absent: the platform's engine, which a pattern can keep busy for ever.
   */
  matcherOf?(pattern: string): { test(text: string): boolean };
}

export interface RegistryOptions {
  /** The order of members and whitespace make no other schema. */
  readonly normalize?: boolean;
}

/** A schema as the registry keeps it: its text, and what its `$ref`s mean. */
export interface RegisteredSchema {
  readonly schemaType: 'JSON' | 'AVRO';
  readonly schema: string;
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
  /** Of a schema that was read from a registry that knows GUIDs (schema registry 8). */
  readonly guid?: string;
  /** Tags by path, of a schema that was read from the registry. */
  readonly metadata?: { readonly tags?: Readonly<Record<string, readonly string[]>> | null };
  /** Data rules, of a schema that was read from the registry; whoever writes and reads runs them. */
  readonly ruleSet?: {
    readonly migrationRules?: readonly RegisteredRule[] | null;
    readonly domainRules?: readonly RegisteredRule[] | null;
    readonly encodingRules?: readonly RegisteredRule[] | null;
  };
}

/** A data rule in the registry's words. */
export interface RegisteredRule {
  readonly name: string;
  readonly doc?: string | null;
  readonly kind?: string | null;
  readonly mode?: string | null;
  readonly type?: string | null;
  readonly tags?: readonly string[] | null;
  readonly params?: Readonly<Record<string, string>> | null;
  readonly expr?: string | null;
  readonly onFailure?: string | null;
  readonly disabled?: boolean;
}

/** Between Connect data and bytes. */
export interface Converter {
  configure(config: Config, context: ConverterContext): void;
  /** Null bytes are a tombstone. A throw or rejection sends the record to the error policy of its converter stage. */
  fromConnectData(
    topic: string,
    schema: Schema | null,
    value: RecordValue,
    /** Headers to add to the record; given only to a converter that `addsHeaders`. */
    headers?: RawHeader[],
  ): Bytes | Promise<Bytes>;
  /**
   * Instead of `fromConnectData`, for an object without a schema that transforms have added members to which are not put
   * together yet. For converters that can write them behind one another; for others the worker puts them together.
   */
  fromExtended?(topic: string, fields: Fields, added: AddedMembers): Bytes;
  /** Registers (or looks up) the schema before a record brings it. Rejects with DataError where the registry says no. */
  declareSchema?(topic: string, schema: Schema | null): Promise<void>;
  toConnectData(
    topic: string,
    bytes: Uint8Array | null,
    headers?: readonly RawHeader[],
  ): SchemaAndValue | Promise<SchemaAndValue>;
  /** True, once configured, where JSON text of any schema is written as it is, whatever the topic. */
  readonly keepsJson?: boolean;
  /** True, once configured, where it says something in headers; others cost the hot path nothing. */
  readonly addsHeaders?: boolean;
  close?(): void;
}

export type Bytes = Uint8Array | null;

/** A header as it lies in the log. */
export interface RawHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** Between headers and bytes. */
export interface HeaderConverter {
  configure(config: Config): void;
  fromConnectHeader(topic: string, header: Header): Bytes;
  toConnectHeader(topic: string, key: string, bytes: Uint8Array | null): Header;
  close?(): void;
}
