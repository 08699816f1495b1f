/**
 * The records of `_schemas`: keys and values as Confluent's registry writes them, byte for byte.
 *
 * Pure. Compaction works on key bytes, so the order of their members matters when writing; when reading, any order and
 * any magic is accepted, as old logs hold both. Empty members of a value are left out, as Confluent's mapper does.
 */
import type { Metadata, Mode, RuleSet, SchemaReference, SchemaVersion, SubjectConfig } from '../model.ts';

/** A key of the log, taken apart. `subject` is null where the key is about everything. */
export type LogKey =
  | { readonly keytype: 'SCHEMA'; readonly subject: string; readonly version: number }
  | { readonly keytype: 'CONFIG' | 'MODE'; readonly subject: string | null }
  | { readonly keytype: 'DELETE_SUBJECT' | 'CLEAR_SUBJECT'; readonly subject: string }
  | { readonly keytype: 'CONTEXT'; readonly context: string }
  | { readonly keytype: 'NOOP' };

/** The value of a SCHEMA record. */
export interface SchemaValue {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schemaType?: string;
  readonly references?: readonly SchemaReference[] | null;
  readonly metadata?: Metadata | null;
  readonly ruleSet?: RuleSet | null;
  readonly schema: string;
  readonly deleted?: boolean;
}

const SCHEMA_MAGIC = 1;
const OTHER_MAGIC = 0;

export function encodeKey(key: LogKey): Buffer {
  switch (key.keytype) {
    case 'SCHEMA':
      return json({ keytype: key.keytype, subject: key.subject, version: key.version, magic: SCHEMA_MAGIC });
    case 'NOOP':
      return json({ keytype: key.keytype, magic: OTHER_MAGIC });
    case 'CONTEXT':
      return json({ keytype: key.keytype, tenant: 'default', context: key.context, magic: OTHER_MAGIC });
    default:
      return json({
        keytype: key.keytype,
        ...(key.subject === null ? {} : { subject: key.subject }),
        magic: OTHER_MAGIC,
      });
  }
}

export function encodeSchemaValue(version: Omit<SchemaVersion, 'guid' | 'timestamp'>): Buffer {
  return json({
    subject: version.subject,
    version: version.version,
    id: version.id,
    // Confluent leaves its oldest type out.
    ...(version.schemaType === 'AVRO' ? {} : { schemaType: version.schemaType }),
    ...(version.references.length === 0
      ? {}
      : { references: version.references.map(({ name, subject, version }) => ({ name, subject, version })) }),
    ...(version.metadata === null ? {} : { metadata: version.metadata }),
    ...(version.ruleSet === null ? {} : { ruleSet: version.ruleSet }),
    schema: version.schema,
    deleted: version.deleted,
  });
}

/** Confluent's order of a CONFIG value's members. */
const CONFIG_MEMBERS = [
  'alias',
  'aliasForDeks',
  'normalize',
  'validateFields',
  'validateNewSchemas',
  'validateRules',
  'compatibilityLevel',
  'compatibilityPolicy',
  'compatibilityGroup',
  'soundPolicy',
  'requiredTags',
  'defaultMetadata',
  'overrideMetadata',
  'defaultRuleSet',
  'overrideRuleSet',
] as const satisfies readonly (keyof SubjectConfig)[];

export function encodeConfigValue(subject: string | null, config: SubjectConfig): Buffer {
  const value: Record<string, unknown> = subject === null ? {} : { subject };
  for (const member of CONFIG_MEMBERS) if (config[member] !== undefined) value[member] = config[member];
  return json(value);
}

export function encodeModeValue(subject: string | null, mode: Mode): Buffer {
  return json(subject === null ? { mode } : { subject, mode });
}

/** Every soft-deleted version of the subject is forgotten. */
export function encodeClearSubjectValue(subject: string): Buffer {
  return json({ subject });
}

/** Says that the context is there; Confluent's registry lists contexts by these. */
export function encodeContextValue(context: string): Buffer {
  return json({ tenant: 'default', context });
}

/** `version` is the watermark: every version up to it is soft-deleted. */
export function encodeDeleteSubjectValue(subject: string, version: number): Buffer {
  return json({ subject, version });
}

/** The key of a record, or null when it is none of ours (then the record is left alone). */
export function decodeKey(bytes: Buffer | null): LogKey | null {
  const value = parse(bytes);
  if (value === null) return null;
  const subject = typeof value.subject === 'string' ? value.subject : null;
  switch (value.keytype) {
    case 'SCHEMA':
      if (subject === null || !isPositiveInt(value.version)) return null;
      return { keytype: 'SCHEMA', subject, version: value.version };
    case 'CONFIG':
    case 'MODE':
      return { keytype: value.keytype, subject };
    case 'DELETE_SUBJECT':
    case 'CLEAR_SUBJECT':
      return subject === null ? null : { keytype: value.keytype, subject };
    case 'CONTEXT':
      return typeof value.context === 'string' ? { keytype: 'CONTEXT', context: value.context } : null;
    case 'NOOP':
      return { keytype: 'NOOP' };
    default:
      return null;
  }
}

/** The value of a SCHEMA record; null when it does not hold what every version has. */
export function decodeSchemaValue(bytes: Buffer): SchemaValue | null {
  const value = parse(bytes);
  if (value === null || typeof value.subject !== 'string' || typeof value.schema !== 'string') return null;
  if (!isPositiveInt(value.version) || !Number.isSafeInteger(value.id)) return null;
  return value as unknown as SchemaValue;
}

/** Any other value: an object, or null when the bytes are not one. */
export function decodeValue(bytes: Buffer): Record<string, unknown> | null {
  return parse(bytes);
}

function parse(bytes: Buffer | null): Record<string, unknown> | null {
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function isPositiveInt(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
