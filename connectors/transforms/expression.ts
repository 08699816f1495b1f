/**
 * CEL expressions over a record, behind an interface of our own so that the engine can be another one.
 *
 * `key`, `value`, `headers`, `topic` and `timestamp` are what an expression sees. It is parsed and its types are checked
 * once, when the config is read; per record it is only evaluated. Spec: github.com/google/cel-spec.
 */
import { createRequire } from 'node:module';
import { ConfigError, type ConnectRecord, type ConnectValue, DataError, plainValue } from '../api/index.ts';

export interface Expression {
  /** True where every result is a floating-point number, also one without a fraction. */
  readonly isDouble: boolean;
  /** Throws a DataError where the record has not what the expression asks for. */
  evaluate(record: ConnectRecord): ConnectValue;
}

type Engine = typeof import('@marcbachmann/cel-js');

/** Longer texts and deeper nests are no conditions but programs. */
const limits = { maxAstNodes: 2_000, maxDepth: 100 };

/** The engine is loaded with the first expression: most houses have none. */
let environment: InstanceType<Engine['Environment']> | undefined;

function environmentOf(): InstanceType<Engine['Environment']> {
  if (environment !== undefined) return environment;
  const { Environment } = createRequire(import.meta.url)('@marcbachmann/cel-js') as Engine;
  environment = new Environment({ homogeneousAggregateLiterals: false, limits })
    .registerVariable('key', 'dyn')
    .registerVariable('value', 'dyn')
    .registerVariable('headers', 'map')
    .registerVariable('topic', 'string')
    .registerVariable('timestamp', 'dyn');
  // Numbers of records are doubles, a literal without a point is an int; people write value.count + 1.
  for (const [operator, apply] of Object.entries(arithmetic)) {
    environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => apply(a, Number(b)));
    environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => apply(Number(a), b));
  }
  return environment;
}

const arithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
};

/** Throws a ConfigError with the place marked when the text is no expression, or none of the type that is asked for. */
export function compile(text: string, expected: 'bool' | 'any' = 'any'): Expression {
  const problem = expressionProblem(text, expected);
  if (problem !== null) throw new ConfigError(`The expression ${JSON.stringify(text)} ${problem}.`);
  const run = environmentOf().parse(text);
  // One context for all records of a task: an expression cannot keep it.
  const context = { key: null as unknown, value: null as unknown, headers: {}, topic: '', timestamp: null as unknown };
  return {
    isDouble: run.check().type === 'double',
    evaluate(record) {
      context.key = plainValue(record.key);
      context.value = plainValue(record.value);
      context.headers = record.headers.length === 0 ? noHeaders : headersOf(record);
      context.topic = record.topic;
      context.timestamp = record.timestamp === null ? null : new Date(record.timestamp);
      try {
        return toConnect(run(context));
      } catch (error) {
        throw new DataError(`The expression ${JSON.stringify(text)} cannot be evaluated: ${summaryOf(error)}.`, {
          cause: error,
        });
      }
    },
  };
}

const noHeaders = {};

/** By name; of several with one name the last. */
function headersOf({ headers }: ConnectRecord): object {
  return Object.fromEntries(headers.map(({ key, value }) => [key, plainValue(value)]));
}

/** What is wrong with an expression, as the end of a sentence, with a caret below the place; null when it is right. */
export function expressionProblem(text: string, expected: 'bool' | 'any' = 'any'): string | null {
  try {
    const checked = environmentOf().parse(text).check();
    if (!checked.valid) return pointed(text, checked.error);
    const isWrong = expected === 'bool' && checked.type !== 'bool' && checked.type !== 'dyn';
    return isWrong ? `is of type ${checked.type}, a condition must be true or false` : null;
  } catch (error) {
    return pointed(text, error);
  }
}

function summaryOf(error: unknown): string {
  return (error as { summary?: string }).summary ?? (error as Error).message;
}

function pointed(text: string, error: unknown): string {
  const { start } = (error as { range?: { start: number } }).range ?? { start: 0 };
  const lines = text.slice(0, start).split('\n');
  const column = lines.at(-1)!.length;
  return `is wrong at character ${start + 1} (${summaryOf(error)})\n  ${text.split('\n')[lines.length - 1]}\n  ${' '.repeat(column)}^`;
}

/** CEL's whole numbers are 64-bit; ours are numbers while they are safe. */
function toConnect(value: unknown): ConnectValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return (value ?? null) as ConnectValue;
  if (Array.isArray(value)) return value.map(toConnect);
  if (value instanceof Date || value instanceof Uint8Array) return value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), toConnect(each)]));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toConnect(each)]));
}
