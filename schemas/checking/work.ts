/**
 * What the checking thread does: vet one schema, compare one with earlier ones by both checkers, explain a change, try records.
 *
 * Pure but for the time it takes, which is why it has a thread of its own; checker.ts sends the work and ends it.
 */
import { type EarlierSchema, incompatibilities, messagesOf } from '../compatibility/check.ts';
import { ValidationBudgetError } from '../errors.ts';
import type { CompatibilityLevel, CompatibilityPolicy } from '../model.ts';
import { type NamedText, parseSchema, type SchemaLimits } from '../parse/parse-schema.ts';
import { type EarlierText, type SoundAnswer, soundAnswer } from '../sound/answer.ts';
import { judgePair, judgeSchemas } from '../sound/judge.ts';
import { diffSchemas, type SchemaDiff, type SchemaSource } from '../tools/diff.ts';
import { compileForBytes, compileSchema, firstProblem } from '../validation/compile.ts';
import { PREFIX_BYTES, wireProblem } from '../wire.ts';

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

/** What a change of schema means, in both directions, whatever a subject's level says. */
export interface ExplainWork {
  readonly kind: 'explain';
  readonly before: SchemaSource;
  readonly after: SchemaSource;
  readonly policy: CompatibilityPolicy;
  readonly limits: SchemaLimits;
}

/** Which of these records a schema refuses. */
export interface RecordsWork {
  readonly kind: 'records';
  readonly schema: string;
  readonly references: readonly NamedText[];
  /** JSON, behind a schema id or not. */
  readonly records: readonly Uint8Array[];
}

export type Work = VetWork | CompareWork | ExplainWork | RecordsWork;

export interface Explained extends SchemaDiff {
  /** What happens to records of the old schema where the new one reads, and the other way round. */
  readonly sound: { readonly new: SoundAnswer; readonly old: SoundAnswer };
}

export async function explain({ before, after, policy, limits }: ExplainWork): Promise<Explained> {
  const diff = await diffSchemas(before, after, policy);
  const textOf = ({ text, references = [] }: SchemaSource) => ({ schema: text, references });
  const judged = (level: CompatibilityLevel): Promise<SoundAnswer> =>
    soundAnswer(textOf(after), [{ ...textOf(before), version: 0 }], level, (old, next) =>
      judgeSchemas(old, next, limits),
    );
  const { version: _, ...ofNew } = await judged('BACKWARD');
  const { version: __, ...ofOld } = await judged('FORWARD');
  return { ...diff, sound: { new: ofNew, old: ofOld } };
}

/** By record, why it is refused; null where it fits. */
export function refusals({ schema, references, records }: RecordsWork): (string | null)[] {
  const { fits, validate } = compileForBytes(schema, references);
  return records.map((record) => {
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    const from = wireProblem(bytes) === null ? PREFIX_BYTES : 0;
    if (fits(bytes, from)) return null;
    try {
      return validate(JSON.parse(bytes.toString('utf8', from))) === true ? null : firstProblem(validate.errors);
    } catch (error) {
      return (error as Error).message;
    }
  });
}

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
