/**
 * CEL, the one expression language of the house, behind an interface of our own so that the engine can be another one.
 * Transforms see records through it (expression.ts), the dead-letter workbench letters (cli/dlq). Spec: github.com/google/cel-spec.
 *
 * What is ours: integers and doubles mix in arithmetic, programs are bounded in size, and `matches` takes RE2's syntax in
 * linear time, as CEL says it must: a pattern cannot hang the process, whoever wrote it.
 */
import { createRequire } from 'node:module';
import type { ConnectValue } from '../api/index.ts';

/** A parsed expression. */
export interface CelProgram {
  /** The type of its result as far as it can be told (`bool`, `double`, `dyn`, …). */
  readonly type: string;
  /** Throws with a sentence where the variables have not what the expression asks for. */
  evaluate(variables: object): ConnectValue;
}

export interface Cel {
  /** Throws what {@link celProblem} can put into words. */
  parse(text: string): CelProgram;
}

type Engine = typeof import('@marcbachmann/cel-js');
type Regex = ReturnType<typeof import('re2js')['RE2JS']['compile']>;

const require = createRequire(import.meta.url);
/** Longer texts and deeper nests are no conditions but programs. */
const limits = { maxAstNodes: 2_000, maxDepth: 100 };

/**
 * An environment for expressions over these variables, by their CEL types; null takes any name. The engine is loaded
 * here, because most houses have no expression at all.
 */
export function openCel(variables: Readonly<Record<string, string>> | null): Cel {
  const { Environment } = require('@marcbachmann/cel-js') as Engine;
  const unlistedVariablesAreDyn = variables === null;
  const environment = new Environment({ homogeneousAggregateLiterals: false, unlistedVariablesAreDyn, limits });
  for (const [name, type] of Object.entries(variables ?? {})) environment.registerVariable(name, type);
  // Numbers of records are doubles, a literal without a point is an int; people write value.count + 1.
  for (const [operator, apply] of Object.entries(arithmetic)) {
    environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => apply(a, Number(b)));
    environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => apply(Number(a), b));
  }
  environment.registerFunction(`string.${LINEAR_MATCHES}(string): bool`, (text: string, pattern: string) =>
    regexOf(pattern).test(text),
  );
  return {
    parse(text) {
      const run = environment.parse(text);
      useLinearMatches(run.ast);
      const checked = run.check();
      if (!checked.valid) throw checked.error;
      return { type: checked.type ?? 'dyn', evaluate: (context) => fromCel(run(context as Record<string, unknown>)) };
    },
  };
}

const arithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
};

/** What is wrong with an expression, as the end of a sentence, with a caret below the place. */
export function celProblem(text: string, error: unknown): string {
  const { start } = (error as { range?: { start: number } }).range ?? { start: 0 };
  const lines = text.slice(0, start).split('\n');
  const column = lines.at(-1)!.length;
  return `is wrong at character ${start + 1} (${celSummary(error)})\n  ${text.split('\n')[lines.length - 1]}\n  ${' '.repeat(column)}^`;
}

/** The engine's sentence, without the place. */
export function celSummary(error: unknown): string {
  return (error as { summary?: string }).summary ?? (error as Error).message;
}

/** The name under which our `matches` is known to the engine, which lets nobody replace its own. */
const LINEAR_MATCHES = 'matchesInLinearTime';

interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly end: number;
}

/** Turns each call of `matches` into one of ours, and judges the patterns that stand in the text. */
function useLinearMatches(node: unknown): void {
  if (Array.isArray(node)) {
    for (const each of node) useLinearMatches(each);
    return;
  }
  if (typeof node !== 'object' || node === null || !('op' in node)) return;
  const { op, args } = node as Node;
  if (op === 'rcall' && Array.isArray(args) && args[0] === 'matches') {
    args[0] = LINEAR_MATCHES;
    const [pattern] = args[2] as Node[];
    if (pattern?.op === 'value' && typeof pattern.args === 'string') judgePattern(pattern, pattern.args);
  }
  useLinearMatches(args);
}

function judgePattern({ start, end }: Node, pattern: string): void {
  try {
    regexOf(pattern);
  } catch (error) {
    throw Object.assign(error as Error, { range: { start, end } });
  }
}

const regexes = new Map<string, Regex>();
/** Linear time is program times text, and so the program has a bound of its own; `orders-.*` has eleven instructions. */
const PROGRAM_SIZE_MAX = 1_000;
/** Patterns usually stand in the text; where they come out of records, memory stays bounded all the same. */
const REGEXES_MAX = 200;

function regexOf(pattern: string): Regex {
  let regex = regexes.get(pattern);
  if (regex === undefined) {
    if (regexes.size >= REGEXES_MAX) regexes.clear();
    regex = compiled(pattern);
    regexes.set(pattern, regex);
  }
  return regex;
}

function compiled(pattern: string): Regex {
  const { RE2JS } = require('re2js') as typeof import('re2js');
  const shown = JSON.stringify(pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern);
  let regex: Regex;
  try {
    regex = RE2JS.compile(pattern);
  } catch (error) {
    const message = `${shown} is no RE2 pattern (which knows no look-around and no back-references): ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
  if (regex.programSize() > PROGRAM_SIZE_MAX) throw new Error(`The pattern ${shown} is too large`);
  return regex;
}

/** CEL's whole numbers are 64-bit; ours are numbers while they are safe. */
function fromCel(value: unknown): ConnectValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return (value ?? null) as ConnectValue;
  if (Array.isArray(value)) return value.map(fromCel);
  if (value instanceof Date || value instanceof Uint8Array) return value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), fromCel(each)]));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fromCel(each)]));
}
