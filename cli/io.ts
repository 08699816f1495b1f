/**
 * A command's two voices: data on stdout, notices on stderr, in the format the user asked for.
 *
 * Knows no command. A reader that closes the pipe (`| head`) ends a command quietly with 0; colour only where
 * a person looks and NO_COLOR is not set.
 */
import type { Command } from 'commander';
import { CliError } from './errors.ts';

export const outputFormats = ['table', 'json', 'jsonl'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One row of an answer. Keys are the JSON members and, in capitals, the columns. */
export type Row = Readonly<Record<string, unknown>>;

/** Declares the options that every command has. */
export function withOutput(command: Command): Command {
  return command.option(
    '-O, --output <format>',
    `how to print data: ${outputFormats.join(', ')}`,
    parseFormat,
    'table',
  );
}

function parseFormat(text: string): OutputFormat {
  const format = outputFormats.find((candidate) => candidate === text);
  if (format !== undefined) return format;
  throw new CliError('USAGE', `"${text}" is no output format.`, { next: `Use one of ${outputFormats.join(', ')}.` });
}

/** Prints a list: a table for people, one JSON array, or one JSON object per line. */
export function printRows(format: OutputFormat, rows: readonly Row[], columns: readonly string[]): void {
  if (format === 'json') writeData(`${JSON.stringify(rows, null, 2)}\n`);
  else if (format === 'jsonl') writeData(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  else writeData(table(rows, columns));
}

/** Prints one thing: `name  value` lines for people, else one JSON object. */
export function printObject(format: OutputFormat, object: Row): void {
  if (format === 'json') writeData(`${JSON.stringify(object, null, 2)}\n`);
  else if (format === 'jsonl') writeData(`${JSON.stringify(object)}\n`);
  else {
    const width = Math.max(0, ...Object.keys(object).map((key) => key.length));
    writeData(
      Object.entries(object)
        .map(([key, value]) => `${key.padEnd(width)}  ${cell(value)}\n`)
        .join(''),
    );
  }
}

/** Lays rows out in columns, two spaces apart. */
export function table(rows: readonly Row[], columns: readonly string[]): string {
  const cells = [columns.map((column) => column.toUpperCase()), ...rows.map((row) => columns.map((c) => cell(row[c])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]!.length)));
  const lines = cells.map((line) => line.map((text, index) => text.padEnd(widths[index]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function writeData(data: string | Uint8Array): void {
  process.stdout.write(data);
}

/** A line for the person in front of the terminal; never part of the data. */
export function notice(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

/** Wraps text in an ANSI style where a person looks at stderr and has not asked for none. */
export function styled(style: 'bold' | 'red' | 'dim', text: string): string {
  const wantsColour = process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  if (!wantsColour) return text;
  const code = { bold: 1, red: 31, dim: 2 }[style];
  return `\u001b[${code}m${text}\u001b[0m`;
}

/** What to do when the reader of our output has gone, as `head` and `less` do. Call once, at the start. */
export function onClosedPipe(react: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      react();
    });
  }
}
