/**
 * `millrace consume`: reads a topic from any place and prints it, with kcat's flags where it has them.
 *
 * Needs no group and leaves no trace in the broker. `--output jsonl` loses nothing: `produce --from jsonl` reads it back.
 */
import { once } from 'node:events';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, withOutput, writeData } from './io.ts';
import { type Cluster, type TopicMetadata, withBrokers, withCluster } from './kafka/cluster.ts';
import { readTopic } from './kafka/read.ts';
import { type Place, parsePlace } from './place.ts';
import { compileFormat } from './record-format.ts';
import { recordToJson, type StoredRecord } from './record-json.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly topic?: string;
  readonly partition: readonly number[];
  readonly offset: readonly Place[];
  readonly count?: number;
  readonly exit?: boolean;
  readonly keyDelimiter?: string;
  readonly null?: boolean;
  readonly format?: string;
  readonly quiet?: boolean;
}

const EARLIEST = -2;
const LATEST = -1;

export function define(command: Command): void {
  command.argument('[topic]', 'what to read; or -t');
  command.option('-t, --topic <topic>', 'what to read');
  command.option('-p, --partition <n>', 'only this partition; may be repeated', collectPartition, []);
  command.option(
    '-o, --offset <place>',
    'beginning, end, N, -N (last N), s@ms or time, e@ms or time',
    collectPlace,
    [],
  );
  command.option('-c, --count <n>', 'stop after so many records', parseCount);
  command.option('-e, --exit', 'stop at the end of the topic');
  command.option('-K, --key-delimiter <text>', 'print the key and this before the value');
  command.option('-Z, --null', 'print NULL for a missing key or value');
  command.option(
    '-f, --format <format>',
    "kcat's: %s value, %k key, %t topic, %p partition, %o offset, %T time, %h headers",
  );
  command.option('-q, --quiet', 'no notices on stderr');
  withOutput(withBrokers(command)).action(consume);
}

async function consume(argument: string | undefined, options: Options): Promise<void> {
  const name = options.topic ?? argument;
  if (name === undefined) throw new CliError('USAGE', 'No topic was named.', { next: 'Add -t <topic>.' });
  const print = printer(options);
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name);
    const places = await resolvePlaces(cluster, topic, options);
    let left = options.count ?? Number.POSITIVE_INFINITY;
    let isFirst = true;
    if (options.output === 'json') writeData('[');
    for await (const records of readTopic(cluster, { topic, ...places })) {
      const wanted = records.slice(0, left);
      left -= wanted.length;
      await written(print(wanted, isFirst));
      isFirst = false;
      if (left === 0) break;
    }
    if (options.output === 'json') writeData(isFirst ? ']\n' : '\n]\n');
    if (left > 0 && !options.quiet && process.stderr.isTTY) notice(`Reached the end of ${name}.`);
  });
}

/** What a chunk of records looks like on stdout. */
function printer(options: Options): (records: readonly StoredRecord[], isFirst: boolean) => string | Uint8Array {
  if (options.output === 'jsonl') {
    return (records) => records.map((record) => `${JSON.stringify(recordToJson(record))}\n`).join('');
  }
  if (options.output === 'json') {
    return (records, isFirst) =>
      records
        .map((record, i) => `${isFirst && i === 0 ? '\n' : ',\n'}${JSON.stringify(recordToJson(record))}`)
        .join('');
  }
  const withKey = options.keyDelimiter === undefined ? '' : `%k${options.keyDelimiter.replaceAll('%', '%%')}`;
  const format = compileFormat(options.format ?? `${withKey}%s\\n`, { nullText: options.null ? 'NULL' : '' });
  return (records) => Buffer.concat(records.map(format));
}

/** Writes and waits while the reader is slower than the broker. */
async function written(data: string | Uint8Array): Promise<void> {
  if (data.length > 0 && !process.stdout.write(data)) await once(process.stdout, 'drain');
}

interface Span {
  readonly from: ReadonlyMap<number, number>;
  readonly until?: ReadonlyMap<number, number>;
}

async function resolvePlaces(cluster: Cluster, topic: TopicMetadata, options: Options): Promise<Span> {
  const partitions =
    options.partition.length > 0 ? options.partition : topic.partitions.map(({ partition }) => partition);
  const start = await cluster.offsetsAt(topic, partitions, EARLIEST);
  const end = await cluster.offsetsAt(topic, partitions, LATEST);
  const place = options.offset.find(({ kind }) => kind !== 'until') ?? { kind: 'beginning' };
  const stop = options.offset.find(({ kind }) => kind === 'until');
  const timed = place.kind === 'since' ? await cluster.offsetsAt(topic, partitions, place.timestamp) : null;
  const from = partitions.map((partition) => {
    const [first, last] = [start.get(partition) ?? 0, end.get(partition) ?? 0];
    return [partition, firstOffset(place, first, last, timed?.get(partition) ?? -1)] as const;
  });
  if (stop?.kind === 'until') {
    const stops = await cluster.offsetsAt(topic, partitions, stop.timestamp);
    // No record at or after that time (-1) means: up to what there is now.
    return {
      from: new Map(from),
      until: new Map(partitions.map((p) => [p, notBefore(stops.get(p), end.get(p) ?? 0)])),
    };
  }
  return { from: new Map(from), ...(options.exit ? { until: end } : {}) };
}

function notBefore(offset: number | undefined, end: number): number {
  return offset === undefined || offset < 0 ? end : offset;
}

function firstOffset(place: Place, first: number, last: number, atTime: number): number {
  if (place.kind === 'end') return last;
  if (place.kind === 'offset') return place.offset;
  if (place.kind === 'last') return Math.max(first, last - place.count);
  if (place.kind === 'since') return notBefore(atTime, last);
  return first;
}

function collectPartition(text: string, previous: readonly number[]): number[] {
  return [...previous, parseCount(text)];
}

function collectPlace(text: string, previous: readonly Place[]): Place[] {
  return [...previous, parsePlace(text)];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (text.trim() !== '' && Number.isInteger(count) && count >= 0) return count;
  throw new CliError('USAGE', `"${text}" is no whole number from 0.`);
}
