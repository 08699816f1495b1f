/**
 * The sound verdict on a pair of schemas: does every record that one accepts pass the other? Proven, disproven by a
 * record, or neither.
 *
 * Confluent's rules (compatibility/) decide what is registered; this says what happens to records. A counterexample is
 * shown only after both compiled validators have agreed that it is one. Deterministic, bounded, no I/O.
 */
import type { JsonValue } from '../parse/json-text.ts';
import { type NamedText, type ParsedSchema, parseSchema, type SchemaLimits } from '../parse/parse-schema.ts';
import { compileSchema, firstProblem } from '../validation/compile.ts';
import { Facts } from './facts.ts';
import { ProofBudgetSpent, Prover } from './prove.ts';
import { predicateOf } from './reading.ts';
import { Random } from './search/random.ts';
import { Samples } from './search/samples.ts';
import { shrunk } from './search/shrink.ts';

/** A schema as it is kept: its text, and the texts its references name. */
export interface SchemaText {
  readonly schema: string;
  readonly references?: readonly NamedText[];
}

export type SoundVerdict =
  /** Every record that the writer's schema accepts passes the reader's. */
  | { readonly verdict: 'compatible' }
  /** This record is accepted by the writer's schema and refused by the reader's, for this reason. */
  | { readonly verdict: 'breaks'; readonly record: JsonValue; readonly reason: string }
  /** Neither could be shown. */
  | { readonly verdict: 'unknown'; readonly reason: string };

/** Records tried against both validators. */
const MAX_TRIED = 8_000;
/** Any number: the search looks the same each time. */
const SEED = 8;

/** Parses both and judges. Throws RegistryError 42201 or 42209 when either text is no sound schema. */
export async function judgeSchemas(written: SchemaText, read: SchemaText, limits: SchemaLimits): Promise<SoundVerdict> {
  const parsed = async ({ schema, references = [] }: SchemaText) => parseSchema(schema, references, limits);
  return judgePair({ ...written, parsed: await parsed(written) }, { ...read, parsed: await parsed(read) });
}

type Side = SchemaText & { readonly parsed: ParsedSchema };

/** As {@link judgeSchemas}, for schemas that are parsed already. */
export function judgePair(written: Side, read: Side): SoundVerdict {
  if (isSame(written, read)) return { verdict: 'compatible' };
  const facts = new Facts([predicateOf(written.parsed)]);
  const goal = predicateOf(read.parsed);
  let why = 'No proof was found, and no record that breaks.';
  try {
    if (new Prover().contained(facts, goal)) return { verdict: 'compatible' };
  } catch (error) {
    if (!(error instanceof ProofBudgetSpent || error instanceof RangeError)) throw error;
    why = 'The schemas are too intricate for a proof, and no record that breaks was found.';
  }
  try {
    return search(written, read, facts, goal) ?? { verdict: 'unknown', reason: why };
  } catch (error) {
    return { verdict: 'unknown', reason: `A schema cannot be compiled: ${(error as Error).message}` };
  }
}

function isSame(written: Side, read: Side): boolean {
  const references = ({ references = [] }: Side) => JSON.stringify(references);
  return written.schema === read.schema && references(written) === references(read);
}

function search(written: Side, read: Side, facts: Facts, goal: ReturnType<typeof predicateOf>): SoundVerdict | null {
  const accepts = compileSchema(written.schema, written.references ?? []);
  const alsoAccepts = compileSchema(read.schema, read.references ?? []);
  const breaks = (record: JsonValue): boolean => accepts(record) === true && alsoAccepts(record) === false;
  let tried = 0;
  for (const record of new Samples(new Random(SEED)).of(facts, goal)) {
    if (++tried > MAX_TRIED) return null;
    if (!breaks(record)) continue;
    const smallest = shrunk(record, breaks);
    alsoAccepts(smallest);
    return { verdict: 'breaks', record: smallest, reason: firstProblem(alsoAccepts.errors) };
  }
  return null;
}
