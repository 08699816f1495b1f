/**
 * `multipleOf` in exact decimals, as JSON writes numbers: 19.99 is a multiple of 0.01, which floating point denies.
 *
 * Takes the place of ajv's keyword in everything the registry validates, so that the comparison of two schemas and the
 * judgement of a record never disagree. Whole numbers take the fast way: the remainder of doubles is exact.
 */
import type { Ajv } from 'ajv';
import { isMultipleOf } from '../compatibility/decimal.ts';

export function useExactMultipleOf(ajv: Ajv): void {
  ajv.removeKeyword('multipleOf');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    errors: true,
    compile: (divisor: number) => judgeOf(divisor),
  });
}

interface Judge {
  (value: number): boolean;
  errors?: object[];
}

/** Exactly, whatever the two numbers. */
export function isMultiple(value: number, divisor: number): boolean {
  return Number.isInteger(divisor) && divisor !== 0 ? value % divisor === 0 : isMultipleOf(value, divisor);
}

function judgeOf(divisor: number): Judge {
  const judge: Judge = (value) => {
    if (isMultiple(value, divisor)) return true;
    judge.errors = [
      { keyword: 'multipleOf', params: { multipleOf: divisor }, message: `must be multiple of ${divisor}` },
    ];
    return false;
  };
  return judge;
}
