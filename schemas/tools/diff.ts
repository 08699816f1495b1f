/**
 * What a change of schema means, without a registry: every difference with its place and who it breaks, the levels that
 * would take it, and whether it may follow given versions. The same engine that decides registrations.
 */
import { incompatibilities, messagesOf } from '../compatibility/check.ts';
import { differencesBetween } from '../compatibility/compare.ts';
import { allowedUnder } from '../compatibility/difference.ts';
import { loadNodes } from '../compatibility/load.ts';
import { describe } from '../compatibility/message.ts';
import { RegistryError } from '../errors.ts';
import {
  COMPATIBILITY_LEVELS,
  COMPATIBILITY_POLICIES,
  type CompatibilityLevel,
  type CompatibilityPolicy,
} from '../model.ts';
import { DEFAULT_LIMITS, type NamedText, type ParsedSchema, parseSchema } from '../parse/parse-schema.ts';
import { soundAnswer, soundLine } from '../sound/answer.ts';
import { judgeSchemas } from '../sound/judge.ts';

export { soundLine };
export { COMPATIBILITY_LEVELS, COMPATIBILITY_POLICIES, type CompatibilityLevel, type CompatibilityPolicy };

/** A schema's text and what its references mean, by name. */
export interface SchemaSource {
  readonly text: string;
  readonly references?: readonly NamedText[];
}

export interface SchemaChange {
  /** Confluent's name of the difference. */
  readonly type: string;
  /** Where, as a JSON pointer behind `#`. */
  readonly path: string;
  /** Who can no longer read: readers with the new schema (of old records), or readers with the old one (of new records). */
  readonly breaks: 'new readers' | 'old readers' | null;
  /** True where only the policy LENIENT would let it pass. */
  readonly lenient: boolean;
  /** A sentence for what breaks; empty otherwise. */
  readonly description: string;
}

export interface SchemaDiff {
  readonly changes: readonly SchemaChange[];
  readonly backward: boolean;
  readonly forward: boolean;
}

/** Rejects with an Error whose message says what is wrong with which of the two. */
export async function diffSchemas(
  before: SchemaSource,
  after: SchemaSource,
  policy: CompatibilityPolicy = 'STRICT',
): Promise<SchemaDiff> {
  const [old, next] = await Promise.all([parsed(before), parsed(after)]);
  const one = changesBetween(old, next, policy, 'new readers');
  const other = changesBetween(next, old, policy, 'old readers');
  const seen = new Set(one.map(({ path }) => path));
  // Read the other way round, what breaks nothing is the same difference under another name.
  const changes = [...one, ...other.filter(({ breaks, path }) => breaks !== null || !seen.has(path))];
  return {
    changes,
    backward: one.every(({ breaks }) => breaks === null),
    forward: other.every(({ breaks }) => breaks === null),
  };
}

function changesBetween(
  written: ParsedSchema,
  read: ParsedSchema,
  policy: CompatibilityPolicy,
  reader: 'new readers' | 'old readers',
): SchemaChange[] {
  const allowed = allowedUnder(policy);
  const lenient = allowedUnder('LENIENT');
  const [original, update] = [written, read].map((schema) => loadNodes(schema.documents, schema.draft)) as [
    ReturnType<typeof loadNodes>,
    ReturnType<typeof loadNodes>,
  ];
  return differencesBetween(original, update, allowed).map(({ type, path }) => {
    const isAllowed = allowed.has(type);
    return {
      type,
      path,
      breaks: isAllowed ? null : reader,
      lenient: !isAllowed && lenient.has(type),
      description: isAllowed ? '' : describe(type, path, reader === 'new readers' ? 'new' : 'old'),
    };
  });
}

/** Why a schema may not follow earlier ones (oldest first) at a level; empty means that it may. */
export async function offlineMessages(
  next: SchemaSource,
  earlier: readonly SchemaSource[],
  level: CompatibilityLevel,
  policy: CompatibilityPolicy,
): Promise<readonly string[]> {
  const candidate = await parsed(next);
  const old = await Promise.all(
    earlier.map(async (source, index) => ({
      version: index + 1,
      schema: source.text,
      parsed: await parsed(source),
    })),
  );
  return messagesOf(incompatibilities(candidate, old, level, policy), old, { level, validateFields: false });
}

/** What happens to records, in a line: the one that breaks, or that none does. Whatever the compatibility rules say. */
export async function offlineSound(
  next: SchemaSource,
  earlier: readonly SchemaSource[],
  level: CompatibilityLevel,
): Promise<string> {
  const textOf = ({ text, references = [] }: SchemaSource) => ({ schema: text, references });
  const versions = earlier.map((source, index) => ({ ...textOf(source), version: index + 1 }));
  const counted = level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1);
  return soundLine(
    await soundAnswer(textOf(next), counted, level, (written, read) => judgeSchemas(written, read, DEFAULT_LIMITS)),
  );
}

/** What is wrong with a text as a schema, in a sentence; null when nothing is. */
export async function schemaProblem(source: SchemaSource): Promise<string | null> {
  try {
    await parsed(source);
    return null;
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}

function parsed({ text, references = [] }: SchemaSource): Promise<ParsedSchema> {
  return parseSchema(text, references, DEFAULT_LIMITS);
}
