/**
 * What the checking thread does: vet one schema, or compare one with earlier ones by both checkers.
 *
 * Pure but for the time it takes, which is why it has a thread of its own; checker.ts sends the work and ends it.
 */
import { type EarlierSchema, incompatibilities, messagesOf } from '../compatibility/check.ts';
import { ValidationBudgetError } from '../errors.ts';
import type { CompatibilityLevel, CompatibilityPolicy } from '../model.ts';
import { type NamedText, parseSchema, type SchemaLimits } from '../parse/parse-schema.ts';
import { type EarlierText, type SoundAnswer, soundAnswer } from '../sound/answer.ts';
import { judgePair } from '../sound/judge.ts';
import { compileSchema } from '../validation/compile.ts';

/** Everything crosses a thread, so texts only. */
export interface VetWork {
  readonly kind: 'vet';
  readonly schema: string;
  readonly references: readonly NamedText[];
  readonly limits: SchemaLimits;
  /** It is there already: only whether it can be compiled is asked, and in how many milliseconds. */
  readonly keptBudgetMs?: number;
}

export interface CompareWork {
  readonly kind: 'compare';
  readonly schema: string;
  readonly references: readonly NamedText[];
  readonly earlier: readonly (EarlierText & { readonly references: readonly NamedText[] })[];
  readonly level: CompatibilityLevel;
  readonly policy: CompatibilityPolicy;
  readonly validateFields: boolean;
  readonly limits: SchemaLimits;
}

export type Work = VetWork | CompareWork;

/** Throws RegistryError 42201 or 42209 for what is no sound schema, and what ajv throws for what cannot be compiled. */
export async function vet({ schema, references, limits, keptBudgetMs }: VetWork): Promise<void> {
  if (keptBudgetMs === undefined) await parseSchema(schema, references, limits);
  compileSchema(schema, references);
}

/** Tells Confluent's messages as soon as they are known, then answers what happens to records. */
export async function compare(work: CompareWork, tell: (messages: readonly string[]) => void): Promise<SoundAnswer> {
  const { level, policy, validateFields, limits } = work;
  const parsed = await parseSchema(work.schema, work.references, limits);
  const next = { schema: work.schema, references: work.references, parsed };
  const earlier: (EarlierSchema & typeof next)[] = [];
  for (const old of work.earlier) {
    earlier.push({ ...old, parsed: await parseSchema(old.schema, old.references, limits) });
  }
  tell(messagesOf(incompatibilities(parsed, earlier, level, policy), earlier, { level, validateFields }));
  try {
    return await soundAnswer<typeof next>(next, earlier, level, async (written, read) => judgePair(written, read));
  } catch (error) {
    if (error instanceof ValidationBudgetError) return { verdict: 'unknown', reason: error.message };
    throw error;
  }
}
