/** The places in a topic that `-o` names: kcat's words, and times as people write them. */
import { CliError } from './errors.ts';

export type Place =
  | { readonly kind: 'beginning' | 'end' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** The last so many records of each partition. */
  | { readonly kind: 'last'; readonly count: number }
  /** From, or up to, the first record at or after this time in milliseconds. */
  | { readonly kind: 'since' | 'until'; readonly timestamp: number };

/** Parses one `-o`. USAGE when it is none. */
export function parsePlace(text: string): Place {
  if (text === 'beginning' || text === 'earliest' || text === 'start') return { kind: 'beginning' };
  if (text === 'end' || text === 'latest') return { kind: 'end' };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) };
  if (/^-\d+$/.test(text)) return { kind: 'last', count: -Number(text) };
  const timed = /^([se])@(.+)$/.exec(text);
  const timestamp = timed === null ? Number.NaN : parseTime(timed[2]!);
  if (timed !== null && Number.isFinite(timestamp)) return { kind: timed[1] === 's' ? 'since' : 'until', timestamp };
  throw new CliError('USAGE', `"${text}" is no place in a topic.`, {
    next: 'Use beginning, end, an offset, -10 for the last ten, s@1700000000000 or s@2026-11-21T09:00:00Z, or e@… to stop.',
  });
}

function parseTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}
