/** The house's own log: pino on stderr, JSON lines for machines, one readable line where a person looks on. */
import { pino } from 'pino';
import type { LogLevel } from './up-settings.ts';

/** pino's own type, which fits the logger of every room. */
export type HouseLogger = ReturnType<typeof upLogger>;

export function upLogger(level: LogLevel) {
  const isTerminal = process.stderr.isTTY === true;
  const stream = { write: (line: string) => process.stderr.write(isTerminal ? readable(line) : line) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: named } }, stream);
}

function named(label: string): { level: string } {
  return { level: label };
}

/** `09:12:03.123 WARN  Sentence. key=value …` */
function readable(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = (err as { message?: string } | undefined)?.message;
  const words = [msg, ...rest, ...(cause === undefined ? [] : [`cause=${JSON.stringify(cause)}`])];
  return `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${words.join(' ')}\n`;
}
