/**
 * CEL expressions over a record, for transforms: `key`, `value`, `headers`, `topic` and `timestamp` are what they see.
 *
 * An expression is parsed and its types are checked once, when the config is read; per record it is only evaluated.
 */
import { ConfigError, type ConnectRecord, type ConnectValue, DataError, plainValue } from '../api/index.ts';
import { type Cel, type CelProgram, celProblem, celSummary, openCel } from './cel.ts';

export interface Expression {
  /** True where every result is a floating-point number, also one without a fraction. */
  readonly isDouble: boolean;
  /** Throws a DataError where the record has not what the expression asks for. */
  evaluate(record: ConnectRecord): ConnectValue;
}

const variables = { key: 'dyn', value: 'dyn', headers: 'map', topic: 'string', timestamp: 'dyn' };
let cel: Cel | undefined;

function parse(text: string, expected: 'bool' | 'any'): CelProgram | string {
  cel ??= openCel(variables);
  try {
    const program = cel.parse(text);
    const isWrong = expected === 'bool' && program.type !== 'bool' && program.type !== 'dyn';
    return isWrong ? `is of type ${program.type}, a condition must be true or false` : program;
  } catch (error) {
    return celProblem(text, error);
  }
}

/** Throws a ConfigError with the place marked when the text is no expression, or none of the type that is asked for. */
export function compile(text: string, expected: 'bool' | 'any' = 'any'): Expression {
  const program = parse(text, expected);
  if (typeof program === 'string') throw new ConfigError(`The expression ${JSON.stringify(text)} ${program}.`);
  // One context for all records of a task: an expression cannot keep it.
  const context = { key: null as unknown, value: null as unknown, headers: {}, topic: '', timestamp: null as unknown };
  return {
    isDouble: program.type === 'double',
    evaluate(record) {
      context.key = plainValue(record.key);
      context.value = plainValue(record.value);
      context.headers = record.headers.length === 0 ? noHeaders : headersOf(record);
      context.topic = record.topic;
      context.timestamp = record.timestamp === null ? null : new Date(record.timestamp);
      try {
        return program.evaluate(context);
      } catch (error) {
        throw new DataError(`The expression ${JSON.stringify(text)} cannot be evaluated: ${celSummary(error)}.`, {
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
  const program = parse(text, expected);
  return typeof program === 'string' ? program : null;
}
