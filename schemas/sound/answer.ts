/**
 * The sound verdict as people and programs get it: over all versions that a level looks at, in one answer and one line.
 *
 * Registration, the REST API, the command line and the console show this; judge.ts decides a single pair.
 */
import type { CompatibilityLevel } from '../model.ts';
import type { JsonValue } from '../parse/json-text.ts';
import type { SchemaText, SoundVerdict } from './judge.ts';

export type SoundAnswer = SoundVerdict & {
  /** The earlier version that the verdict is about; absent when it is about all. */
  readonly version?: number;
  /** Who refuses the record: who reads with the new schema, or who still reads with the old one. */
  readonly reader?: 'new' | 'old';
};

export type EarlierText = SchemaText & { readonly version: number };

/** Judges one pair; in this thread or elsewhere. */
export type JudgePair<T> = (written: T, read: T) => Promise<SoundVerdict>;

/**
 * The first record that breaks, else "unknown" where there is one, else "compatible". `earlier` as the level counts
 * them (all for a transitive one); they are looked at newest first.
 */
export async function soundAnswer<T extends SchemaText>(
  next: T,
  earlier: readonly (T & { readonly version: number })[],
  level: CompatibilityLevel,
  judge: JudgePair<T>,
): Promise<SoundAnswer> {
  let answer: SoundAnswer = { verdict: 'compatible' };
  for (const old of [...earlier].sort((a, b) => b.version - a.version)) {
    for (const reader of readersOf(level)) {
      const verdict = reader === 'new' ? await judge(old, next) : await judge(next, old);
      const found = { ...verdict, version: old.version, reader };
      if (verdict.verdict === 'breaks') return found;
      if (verdict.verdict === 'unknown' && answer.verdict === 'compatible') answer = found;
    }
  }
  return answer;
}

function readersOf(level: CompatibilityLevel): readonly ('new' | 'old')[] {
  if (level === 'NONE') return [];
  if (level.startsWith('BACKWARD')) return ['new'];
  return level.startsWith('FORWARD') ? ['old'] : ['new', 'old'];
}

/** Longest record that is quoted in a line. */
const LONGEST_QUOTED = 1000;

/** One line for people: the record, whom it passes and who refuses it. */
export function soundLine(answer: SoundAnswer): string {
  if (answer.verdict === 'compatible') return 'Proven: no record breaks.';
  if (answer.verdict === 'unknown') return `Not known whether a record breaks. ${answer.reason}`;
  const text = JSON.stringify(answer.record satisfies JsonValue);
  const quoted = text.length > LONGEST_QUOTED ? `${text.slice(0, LONGEST_QUOTED)}…` : text;
  const version = answer.version === undefined ? 'the old schema' : `version ${answer.version}`;
  const [passes, refuses] = answer.reader === 'old' ? ['the new schema', version] : [version, 'the new schema'];
  return `This record is valid by ${passes} and breaks by ${refuses}: ${quoted} (${answer.reason})`;
}
