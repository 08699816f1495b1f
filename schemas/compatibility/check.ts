/**
 * Whether a new schema may follow earlier ones at a level: which of them count, which way round, and what to say.
 *
 * Pure. BACKWARD: who reads with the new schema accepts what the old one wrote. FORWARD: the other way. FULL: both.
 */
import { ComparisonBudgetError, errors } from '../errors.ts';
import type { CompatibilityLevel, CompatibilityPolicy } from '../model.ts';
import type { ParsedSchema } from '../parse/parse-schema.ts';
import { differencesBetween } from './compare.ts';
import { allowedUnder, type Difference } from './difference.ts';
import { loadNodes } from './load.ts';
import { describe, type Reader } from './message.ts';
import type { SchemaNode } from './node.ts';

/** An earlier version to compare with. */
export interface EarlierSchema {
  readonly version: number;
  readonly schema: string;
  readonly parsed: ParsedSchema;
}

/** One reason against: what differs, where, between which versions. */
export interface Incompatibility {
  readonly type: Difference['type'];
  readonly path: string;
  readonly oldVersion: number;
  readonly reader: Reader;
}

/** The differences a level does not allow, against the first earlier schema that has any; empty means compatible. */
export function incompatibilities(
  next: ParsedSchema,
  earlier: readonly EarlierSchema[],
  level: CompatibilityLevel,
  policy: CompatibilityPolicy,
): readonly Incompatibility[] {
  if (level === 'NONE') return [];
  const newestFirst = [...earlier].sort((a, b) => b.version - a.version);
  const counted = level.endsWith('_TRANSITIVE') ? newestFirst : newestFirst.slice(0, 1);
  for (const old of counted) {
    const found = against(next, old, level, policy);
    if (found.length > 0) return found;
  }
  return [];
}

function against(
  next: ParsedSchema,
  old: EarlierSchema,
  level: CompatibilityLevel,
  policy: CompatibilityPolicy,
): readonly Incompatibility[] {
  const found: Incompatibility[] = [];
  const collect = (written: ParsedSchema, read: ParsedSchema, reader: Reader): void => {
    for (const difference of refused(written, read, policy, old.version)) {
      found.push({ ...difference, oldVersion: old.version, reader });
    }
  };
  if (!level.startsWith('FORWARD')) collect(old.parsed, next, 'new');
  if (!level.startsWith('BACKWARD')) collect(next, old.parsed, 'old');
  return found;
}

function refused(
  written: ParsedSchema,
  read: ParsedSchema,
  policy: CompatibilityPolicy,
  version: number,
): readonly Difference[] {
  const allowed = allowedUnder(policy);
  try {
    const differences = differencesBetween(nodesOf(written), nodesOf(read), allowed);
    return differences.filter(({ type }) => !allowed.has(type));
  } catch (error) {
    // RangeError: the stack ended before the budget did.
    if (!(error instanceof ComparisonBudgetError || error instanceof RangeError)) throw error;
    const isBudget = error instanceof ComparisonBudgetError;
    const reason = isBudget ? error.message : 'They refer to themselves through too many levels.';
    throw errors.invalidSchema(
      `The schema cannot be compared with version ${version}: ${reason} Simplify how its definitions refer to each other.`,
      error,
    );
  }
}

const loaded = new WeakMap<ParsedSchema, SchemaNode>();

function nodesOf(parsed: ParsedSchema): SchemaNode {
  const root = loaded.get(parsed) ?? loadNodes(parsed.documents, parsed.draft);
  loaded.set(parsed, root);
  return root;
}

const LONGEST_QUOTED_SCHEMA = 500;

/** The reasons in the form Confluent's clients show: one line per difference, then what it was compared with. */
export function messagesOf(
  found: readonly Incompatibility[],
  earlier: readonly EarlierSchema[],
  settings: { readonly level: CompatibilityLevel; readonly validateFields: boolean },
): string[] {
  const first = found[0];
  if (first === undefined) return [];
  const old = earlier.find(({ version }) => version === first.oldVersion);
  const text = old?.schema ?? '';
  const quoted = text.length > LONGEST_QUOTED_SCHEMA ? `${text.slice(0, LONGEST_QUOTED_SCHEMA)}...` : text;
  return [
    ...found.map(({ type, path, reader }) => `{errorType:"${type}", description:"${describe(type, path, reader)}"}`),
    `{oldSchemaVersion: ${first.oldVersion}}`,
    `{oldSchema: '${quoted}'}`,
    `{validateFields: '${settings.validateFields}', compatibility: '${settings.level}'}`,
  ];
}
