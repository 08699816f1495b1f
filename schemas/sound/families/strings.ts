/** minLength, maxLength, pattern, format. */
import { type Lengths, lengthsOf } from '../../regex/lengths.ts';
import { isKnownFormat } from '../../validation/formats.ts';
import type { Facts } from '../facts.ts';
import type { Demands } from '../predicate.ts';

const ANY_LENGTH: Lengths = { min: 0, max: Number.POSITIVE_INFINITY };
/** Patterns that every text matches. */
const MATCH_ALL: ReadonlySet<string> = new Set(['', '^', '$', '.*', '^.*']);

export function impliesStrings(facts: Facts, { minLength, maxLength, pattern, format }: Demands): boolean {
  // Some formats are about numbers (int32, float).
  if (format !== null && !impliesFormat(facts, format)) return false;
  if (!facts.types.has('string')) return true;
  if (facts.most((demands) => Math.max(demands.minLength, matched(demands).min)) < minLength) return false;
  if (facts.least((demands) => Math.min(demands.maxLength, matched(demands).max)) > maxLength) return false;
  return pattern === null || MATCH_ALL.has(pattern) || facts.demands.some((demands) => demands.pattern === pattern);
}

function impliesFormat(facts: Facts, format: string): boolean {
  if (!isKnownFormat(format) || (!facts.types.has('string') && !facts.hasNumbers)) return true;
  return facts.demands.some((demands) => demands.format === format);
}

/** A pattern says something of lengths too. */
function matched({ pattern }: Demands): Lengths {
  return pattern === null ? ANY_LENGTH : lengthsOf(pattern);
}
