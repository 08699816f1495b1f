/**
 * The tables of a run: printed row by row as they are known, and put whole into a page of docs, between two marks, so
 * that what people wrote around them stays.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { machine } from '../report.ts';
import { peerName } from './peer.ts';

const endMark = '<!-- end of figures -->';

export type Cell = string | number;

export class Report {
  readonly #lines: string[] = [];
  readonly #beginMark: string;

  constructor(script = 'bench/broker/compare.bench.ts') {
    this.#beginMark = `<!-- figures: written by ${script} --write -->`;
  }

  begin(rounds: number, isQuick: boolean): void {
    const load = isQuick ? ', a fifth of the load' : '';
    this.text(`${machine()} · ${peerName} · median of ${rounds} round(s)${load}`);
  }

  end(minutes: number, leftOut: number): void {
    const missing = leftOut === 0 ? '' : ` There was no time for ${leftOut} rows.`;
    this.text(`The whole run took ${minutes.toFixed(0)} minutes.${missing}`);
  }

  text(line: string): void {
    this.#say('', line);
  }

  /** Begins a table; the first column is words, the others are numbers. */
  table(title: string, columns: readonly string[]): void {
    const [first, ...others] = columns;
    this.#say(
      '',
      `### ${title}`,
      '',
      `| ${[first, ...others].join(' | ')} |`,
      `|---${others.map(() => '|---:').join('')}|`,
    );
  }

  row(cells: readonly Cell[]): void {
    this.#say(`| ${cells.map((cell) => (typeof cell === 'number' ? shown(cell) : cell)).join(' | ')} |`);
  }

  /** Replaces what stands between the marks. */
  write(file: string): void {
    const text = readFileSync(file, 'utf8');
    const [begin, end] = [text.indexOf(this.#beginMark), text.indexOf(endMark)];
    if (begin < 0 || end < begin) throw new Error(`${file} has no marks that say where the figures go.`);
    const figures = [this.#beginMark, ...this.#lines, '', ''].join('\n');
    writeFileSync(file, text.slice(0, begin) + figures + text.slice(end));
  }

  #say(...lines: readonly string[]): void {
    this.#lines.push(...lines);
    console.log(lines.join('\n'));
  }
}

/** Three digits where there are no more before the point. */
function shown(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}
