/**
 * Subscriptions by regular expression, resolved by the broker (KIP-848): RE2 syntax as in Kafka, matched in linear time,
 * so that no pattern a client sends can hold up the broker. A topic matches when its whole name does.
 */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { BrokerError } from '../../errors.ts';
import type { ResolvedRegex, TopicsView } from './types.ts';

/** The engine takes 8 ms to load: only a broker whose clients use expressions pays for it. */
const require = createRequire(import.meta.url);
const engine = (): typeof import('re2js') => require('re2js');

/** Bounds what compiling may cost. */
const patternLengthMax = 4096;
/**
 * Linear time is program times name (249 characters at most). Measured: the worst programs of a thousand instructions
 * take 50 ms for a thousand topics, one of twelve thousand takes minutes. `orders-.*` has eleven.
 */
const programSizeMax = 1000;

/** Throws INVALID_REGULAR_EXPRESSION. */
export function checkRegex(pattern: string): void {
  compile(pattern);
}

function compile(pattern: string): RE2JS {
  if (pattern.length > patternLengthMax) throw tooLarge(pattern);
  const compiled = parse(pattern);
  if (compiled.programSize() > programSizeMax) throw tooLarge(pattern);
  return compiled;
}

function parse(pattern: string): RE2JS {
  try {
    return engine().RE2JS.compile(pattern);
  } catch (cause) {
    const why = `SubscribedTopicRegex \`${pattern}\` is not a valid regular expression: ${(cause as Error).message}.`;
    throw new BrokerError('INVALID_REGULAR_EXPRESSION', why, { cause });
  }
}

function tooLarge(pattern: string): BrokerError {
  const start = pattern.slice(0, 40);
  const why = `SubscribedTopicRegex \`${start}…\` is too large: use fewer or smaller repetitions, or several members.`;
  return new BrokerError('INVALID_REGULAR_EXPRESSION', why);
}

/** The topics an expression means now. */
export function resolveRegex(
  pattern: string,
  topics: TopicsView,
  now: number,
  mayDescribe: (topic: string) => boolean = () => true,
): ResolvedRegex {
  const compiled = compile(pattern);
  const names = new Set<string>();
  for (const { name } of topics.all()) if (compiled.matches(name) && mayDescribe(name)) names.add(name);
  return { topics: names, timestampMs: now };
}
