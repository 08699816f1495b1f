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

/** Matching costs pattern times name; a topic name has 249 characters at most. */
const patternLengthMax = 4096;

/** Throws INVALID_REGULAR_EXPRESSION. */
export function checkRegex(pattern: string): void {
  compile(pattern);
}

function compile(pattern: string): RE2JS {
  if (pattern.length > patternLengthMax) {
    const why = `SubscribedTopicRegex has ${pattern.length} characters; ${patternLengthMax} is the most.`;
    throw new BrokerError('INVALID_REGULAR_EXPRESSION', why);
  }
  try {
    return engine().RE2JS.compile(pattern);
  } catch (cause) {
    const why = `SubscribedTopicRegex \`${pattern}\` is not a valid regular expression: ${(cause as Error).message}.`;
    throw new BrokerError('INVALID_REGULAR_EXPRESSION', why, { cause });
  }
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
