/**
 * The types of CSV columns, learnt from their texts: whole numbers, numbers, true and false, else text. A column only ever
 * becomes wider; shared by the files of a task, so that they agree.
 */
import type { ColumnType } from '../source-config.ts';

export class LearntTypes {
  readonly #types = new Map<string, ColumnType>();

  /** What is known of a column. One that nothing is known of is text from then on: records say so. */
  of(column: string): ColumnType {
    const known = this.#types.get(column);
    if (known === undefined) this.#types.set(column, 'string');
    return known ?? 'string';
  }

  /** Takes a text into account. Null and empty texts say nothing. */
  learn(column: string, text: string, nullText: string | null): void {
    if (text === '' || text === nullText) return;
    const known = this.#types.get(column);
    this.#types.set(column, known === undefined ? typeOf(text) : wider(known, text));
  }
}

function typeOf(text: string): ColumnType {
  // A leading zero is part of a code (a postcode, a telephone number), not of a number.
  if (/^-?(0|[1-9]\d{0,18})$/.test(text)) return 'int';
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$/.test(text) && Number.isFinite(Number(text))) return 'double';
  return /^(true|false)$/i.test(text) ? 'boolean' : 'string';
}

function wider(known: ColumnType, text: string): ColumnType {
  const next = typeOf(text);
  if (next === known || known === 'string') return known;
  const areNumbers = (known === 'int' || known === 'double') && (next === 'int' || next === 'double');
  return areNumbers ? 'double' : 'string';
}
