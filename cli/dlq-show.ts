/** `millrace dlq show`: single dead letters, with why they are there and what they held. */
import type { Command } from 'commander';
import type { DeadLetter } from './dlq/letters.ts';
import { type SelectionOptions, selectLetters, withSelection } from './dlq/selection.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput, writeData } from './io.ts';
import { withCluster } from './kafka/cluster.ts';
import { recordToJson } from './record-json.ts';

interface Options extends SelectionOptions {
  readonly output: OutputFormat;
  readonly count: number;
  readonly trace?: boolean;
}

export function define(command: Command): void {
  command.option('-c, --count <n>', 'how many', parseCount, 5);
  command.option('--resolved', 'also letters that are resolved');
  command.option('--trace', 'with the whole stack trace');
  withOutput(withSelection(command)).action(show);
}

function parseCount(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new CliError('USAGE', `"${text}" is no number of letters.`, { next: 'Give a whole number from 1.' });
}

async function show(topics: readonly string[], options: Options): Promise<void> {
  const letters = await withCluster(options, (cluster) => selectLetters(cluster, topics, options));
  const chosen = letters.slice(0, options.count);
  if (options.output === 'table') writeData(chosen.map((letter) => shownLetter(letter, options)).join('\n'));
  else printRows(options.output, chosen.map(letterToJson), []);
  if (letters.length > chosen.length) notice(`${letters.length - chosen.length} more; -c shows more.`);
  if (letters.length === 0) notice('No dead letter matches.');
}

function letterToJson({ place, group, cause, isResolved, original, record }: DeadLetter) {
  const { topic, partition, offset } = original;
  const { key, value, headers, timestamp } = recordToJson({
    ...record,
    ...original,
    topic: '',
    partition: 0,
    offset: 0,
  });
  return {
    place,
    group,
    resolved: isResolved,
    cause,
    original: { topic, partition, offset, timestamp, key, value, headers },
  };
}

function shownLetter(letter: DeadLetter, { trace }: Options): string {
  const { place, group, cause, original, isResolved, record } = letter;
  const { topic, partition, offset } = original;
  // A source's record never got a place in its topic; it stands in the source's world.
  const from = topic === null || offset === null ? (cause.source ?? '-') : `${topic}-${partition}@${offset}`;
  const { key, value, headers } = letterToJson(letter).original;
  const stack = record.headers.find((header) => header.key === '__connect.errors.exception.stacktrace')?.value;
  const rows: [string, string][] = [
    ['from', from],
    ['connector', `${cause.connector || '-'}, task ${cause.task || '-'}`],
    ['stage', `${cause.stage} ${cause.class}`],
    ['error', `${cause.error}: ${cause.message}`],
    ['at', new Date(record.timestamp).toISOString()],
    ['key', JSON.stringify(key)],
    ['value', JSON.stringify(value)],
    ...(Array.isArray(headers) && headers.length > 0 ? [['headers', JSON.stringify(headers)] as [string, string]] : []),
    ...(trace && stack
      ? [['trace', `\n${Buffer.from(stack).toString().replace(/^/gm, '    ')}`] as [string, string]]
      : []),
  ];
  const head = `${place}  group ${group}${isResolved ? '  resolved' : ''}\n`;
  return head + rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}\n`).join('');
}
