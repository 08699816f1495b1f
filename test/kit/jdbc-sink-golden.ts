/**
 * What the JDBC sinks of others made of the scenarios, one file of lines each (see jdbc-sink-player.ts); and what ours makes
 * of those where it differs on purpose, in `ours/`.
 */
import fs from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '..', 'golden', 'jdbc-sinks');
const fileOf = (scenario: string) => path.join(folder, `${scenario}.txt`);

/** Writes a scenario's lines over those before. */
export function writeSinkGolden(scenario: string, lines: readonly string[]): void {
  fs.mkdirSync(path.join(folder, 'ours'), { recursive: true });
  fs.writeFileSync(fileOf(scenario), `${lines.join('\n')}\n`);
}

/** A scenario's lines as they were recorded. */
export function readSinkGolden(scenario: string): string[] {
  return fs.readFileSync(fileOf(scenario), 'utf8').split('\n').slice(0, -1);
}

/** Lines without what means nothing: reasons in words, `time(6)` for `time`, a number in quotes. */
export function comparable(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line
      .replace(/ refused: .*$/, ' refused')
      .replaceAll(/\b(time|timestamp)\(6\)/g, '$1')
      .replace(/ DEFAULT '(-?[\d.]+)'::[a-z ]+$/, ' DEFAULT $1'),
  );
}
