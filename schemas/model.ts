/**
 * The registry's nouns, in Confluent's words: subject, version, id, reference, compatibility level, mode.
 *
 * Plain data only. The same shapes are kept in the `_schemas` topic and answered over REST; what differs between the
 * two is in store/topic-format.ts and rest/shapes.ts.
 */

/** What a `$ref` (or an Avro name) in a schema's text means: a version under another subject. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** Facts about a schema that are not in its text. Part of its identity. */
export interface Metadata {
  readonly tags?: Readonly<Record<string, readonly string[]>> | null;
  readonly properties?: Readonly<Record<string, string>> | null;
  readonly sensitive?: readonly string[] | null;
}

/** One data rule. The registry keeps it; clients run it. */
export interface Rule {
  readonly name: string;
  readonly doc?: string | null;
  readonly kind?: string | null;
  readonly mode?: string | null;
  readonly type?: string | null;
  readonly tags?: readonly string[] | null;
  readonly params?: Readonly<Record<string, string>> | null;
  readonly expr?: string | null;
  readonly onSuccess?: string | null;
  readonly onFailure?: string | null;
  readonly disabled?: boolean;
}

export interface RuleSet {
  readonly migrationRules?: readonly Rule[] | null;
  readonly domainRules?: readonly Rule[] | null;
  readonly encodingRules?: readonly Rule[] | null;
  readonly enableAt?: string | null;
}

export type SchemaType = 'JSON' | 'AVRO' | 'PROTOBUF';

/** The parts of a schema that make it the same or another one (Confluent's MD5 and GUID cover exactly these). */
export interface SchemaContent {
  readonly schemaType: SchemaType;
  readonly schema: string;
  readonly references: readonly SchemaReference[];
  readonly metadata: Metadata | null;
  readonly ruleSet: RuleSet | null;
}

/** A version of a subject as it is kept. `subject` is qualified (`:.ctx:name`) outside the default context. */
export interface SchemaVersion extends SchemaContent {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly guid: string;
  readonly deleted: boolean;
  /** Milliseconds since the epoch at which the record was appended; 0 when unknown. */
  readonly timestamp: number;
}

export const COMPATIBILITY_LEVELS = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;
export type CompatibilityLevel = (typeof COMPATIBILITY_LEVELS)[number];

export const COMPATIBILITY_POLICIES = ['STRICT', 'LENIENT'] as const;
export type CompatibilityPolicy = (typeof COMPATIBILITY_POLICIES)[number];

/** What the sound checker's counterexamples do: only shown, or a reason to refuse. */
export const SOUND_POLICIES = ['WARN', 'REFUSE'] as const;
export type SoundPolicy = (typeof SOUND_POLICIES)[number];

export const MODES = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE', 'IMPORT', 'FORWARD'] as const;
export type Mode = (typeof MODES)[number];

/** What is configured for one subject, one context or everything; absent fields are inherited. */
export interface SubjectConfig {
  readonly compatibilityLevel?: CompatibilityLevel;
  readonly compatibilityPolicy?: CompatibilityPolicy;
  readonly compatibilityGroup?: string;
  /** Ours, not Confluent's; WARN when absent. */
  readonly soundPolicy?: SoundPolicy;
  /** Ours: every field of a new version carries one of these tags. */
  readonly requiredTags?: readonly string[];
  readonly normalize?: boolean;
  readonly validateFields?: boolean;
  /** False: an Avro schema's names and defaults are not judged. */
  readonly validateNewSchemas?: boolean;
  readonly validateRules?: boolean;
  readonly alias?: string;
  readonly aliasForDeks?: string;
  readonly defaultMetadata?: Metadata;
  readonly overrideMetadata?: Metadata;
  readonly defaultRuleSet?: RuleSet;
  readonly overrideRuleSet?: RuleSet;
}

/** What a client sends to register, look up or check a schema. */
export interface RegisterRequest {
  /** Absent or empty: the previous version's text with other metadata or rules. */
  readonly schema?: string;
  /** AVRO when absent, as in Confluent's API. */
  readonly schemaType?: string;
  /** A version of -1 means the latest. */
  readonly references?: readonly SchemaReference[];
  readonly metadata?: Metadata | null;
  readonly ruleSet?: RuleSet | null;
  /**
   * In mode IMPORT the version to keep it as; else it must be the next one, or -1 for whichever that is. Either is noted
   * in the metadata as `confluent:version`.
   */
  readonly version?: number;
  /** In mode IMPORT the id to keep it as. */
  readonly id?: number;
}
