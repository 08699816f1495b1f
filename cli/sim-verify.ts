/**
 * `millrace sim verify`: finds every gap, duplicate and disorder in what arrived of a simulated fleet, in topics, files
 * or a table. Exit code 1 where something is found that was not allowed.
 */
import { createReadStream } from 'node:fs';
import { glob } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { truckId } from '../connectors/sim/truck.ts';
import { FleetVerifier, type TruckVerdict, type Verdict } from '../connectors/sim/verifier.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, printRows, withOutput } from './io.ts';
import { withBrokers, withCluster } from './kafka/cluster.ts';
import { readTopic } from './kafka/read.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly topic: readonly string[];
  readonly files: readonly string[];
  readonly postgres?: string;
  readonly table?: string;
  readonly trucks?: number;
  readonly reports?: number;
  readonly allow: ReadonlySet<string>;
}

const EARLIEST = -2;
const LATEST = -1;
/** Faulty trucks that a person is shown; `--output json` has all. */
const SHOWN_MAX = 20;
const allowances = ['duplicates', 'disorder', 'unreadable'];

export function define(command: Command): void {
  command.option('-t, --topic <topic>', 'a topic; may be repeated (with its dead letters, for example)', collect, []);
  command.option('--files <glob>', 'files with a report a line; may be repeated', collect, []);
  command.option('--postgres <url>', 'a database, with --table');
  command.option('--table <name>', 'a table with columns id and seq');
  command.option('--trucks <n>', 'how many there must be', wholeNumber);
  command.option('--reports <n>', 'the last report each must have', wholeNumber);
  command.option('--allow <list>', allowances.join(', '), parseAllowed, new Set());
  withOutput(withBrokers(command)).action(verify);
}

async function verify(options: Options): Promise<void> {
  if (options.topic.length + options.files.length === 0 && options.table === undefined) {
    throw new CliError('USAGE', 'Nothing was named to verify.', {
      next: 'Add --topic, --files or --postgres and --table.',
    });
  }
  const judge = new FleetVerifier();
  if (options.topic.length > 0) await readTopics(options, judge);
  for (const pattern of options.files) await readFiles(pattern, judge);
  if (options.table !== undefined) await readTable(options, judge);
  const ids = Array.from({ length: options.trucks ?? 0 }, (_, truck) => truckId(truck));
  const verdict = judge.verdict({ ids, ...(options.reports === undefined ? {} : { last: options.reports }) });
  print(options.output, verdict);
  // A table has no order.
  const isOrdered = options.table === undefined;
  const faults = [
    verdict.missing > 0 ? `${verdict.missing} reports are missing` : null,
    verdict.duplicates > 0 && !options.allow.has('duplicates') ? `${verdict.duplicates} are there twice` : null,
    isOrdered && verdict.outOfOrder > 0 && !options.allow.has('disorder')
      ? `${verdict.outOfOrder} are out of order`
      : null,
    verdict.unreadable > 0 && !options.allow.has('unreadable') ? `${verdict.unreadable} cannot be read` : null,
  ].filter((fault) => fault !== null);
  if (faults.length > 0) throw new CliError('FAILED', `${faults.join(', ')}.`);
}

async function readTopics(options: Options, judge: FleetVerifier): Promise<void> {
  await withCluster(options, async (cluster) => {
    for (const name of options.topic) {
      const topic = await cluster.topic(name);
      const partitions = topic.partitions.map(({ partition }) => partition);
      const [from, until] = [
        await cluster.offsetsAt(topic, partitions, EARLIEST),
        await cluster.offsetsAt(topic, partitions, LATEST),
      ];
      for await (const records of readTopic(cluster, { topic, from, until })) {
        for (const { value } of records) judge.addPayload(value === null ? '' : Buffer.from(value).toString());
      }
    }
  });
}

async function readFiles(pattern: string, judge: FleetVerifier): Promise<void> {
  const files: string[] = [];
  for await (const file of glob(pattern)) files.push(file);
  if (files.length === 0) throw new CliError('NOT_FOUND', `No file matches ${pattern}.`);
  for (const file of files.sort()) {
    for await (const line of createInterface({ input: createReadStream(file) }))
      if (line !== '') judge.addPayload(line);
  }
}

async function readTable({ postgres, table }: Options, judge: FleetVerifier): Promise<void> {
  if (postgres === undefined)
    throw new CliError('USAGE', 'A table was named, but no database.', { next: 'Add --postgres <url>.' });
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: postgres, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const name = table!.split('.').map(pg.escapeIdentifier).join('.');
    const { rows } = await client.query<{ id: string; seq: string }>(`SELECT id, seq FROM ${name} ORDER BY id, seq`);
    for (const { id, seq } of rows) judge.add(id, Number(seq));
  } catch (cause) {
    throw new CliError('FAILED', `The table ${table} cannot be read.`, { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function print(format: OutputFormat, verdict: Verdict): void {
  if (format !== 'table') {
    printObject(format, { ...verdict });
    return;
  }
  const { faulty, ...summary } = verdict;
  printObject(format, summary);
  if (faulty.length === 0) return;
  const rows = faulty.slice(0, SHOWN_MAX).map((truck) => ({ ...truck, missing: spans(truck) }));
  printRows(format, rows, ['id', 'reports', 'last', 'missing', 'duplicates', 'outOfOrder']);
  if (faulty.length > SHOWN_MAX) notice(`${faulty.length - SHOWN_MAX} more trucks: see --output json.`);
}

function spans({ missing }: TruckVerdict): string {
  return missing.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(' ');
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text.trim()) && number > 0) return number;
  throw new CliError('USAGE', `"${text}" is no whole number from 1.`);
}

function parseAllowed(text: string): Set<string> {
  const items = text.split(',').map((item) => item.trim());
  const wrong = items.find((item) => !allowances.includes(item));
  if (wrong === undefined) return new Set(items);
  throw new CliError('USAGE', `"${wrong}" cannot be allowed.`, { next: `Use ${allowances.join(', ')}.` });
}
