/**
 * `millrace produce`: writes lines, files or jsonl records to a topic, with kcat's flags where it has them.
 *
 * Reads stdin unless files are named. One line is one record; `--from jsonl` takes what `consume --output jsonl` prints,
 * without loss.
 */
import { createReadStream, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type CompressionCodec, compressionCodecs } from '../broker/protocol/compression.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, withOutput } from './io.ts';
import { withBrokers, withCluster } from './kafka/cluster.ts';
import { TopicWriter } from './kafka/write.ts';
import { unescaped } from './record-format.ts';
import { type CliRecord, recordFromJson } from './record-json.ts';
import { splitStream } from './split.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly topic?: string;
  readonly partition?: number;
  readonly from: 'lines' | 'jsonl' | 'files';
  readonly key?: string;
  readonly keyDelimiter?: string;
  readonly delimiter: string;
  readonly header: readonly string[];
  readonly null?: boolean;
  readonly compression: CompressionCodec;
  readonly acks: -1 | 0 | 1;
  readonly keepPartition?: boolean;
  readonly quiet?: boolean;
}

export function define(command: Command): void {
  command.argument('[file...]', 'files to read instead of stdin');
  command.option('-t, --topic <topic>', 'where to write');
  command.option('-p, --partition <n>', 'always this partition', wholeNumber);
  command.option('--from <format>', 'lines, jsonl, or files (each file is one record)', parseFrom, 'lines');
  command.option('-k, --key <key>', 'the same key for every record');
  command.option('-K, --key-delimiter <text>', 'what stands between key and value in a line');
  command.option('-D, --delimiter <text>', 'what ends a line', '\\n');
  command.option('-H, --header <name=value>', 'a header for every record; may be repeated', collect, []);
  command.option('-Z, --null', 'an empty key or value is null');
  command.option('-z, --compression <codec>', compressionCodecs.join(', '), parseCodec, 'none');
  command.option('--acks <n>', 'all (on disk), 1 or 0', parseAcks, -1);
  command.option('--keep-partition', 'with --from jsonl: the partition each record had');
  command.option('-q, --quiet', 'no summary on stderr');
  withOutput(withBrokers(command)).action(produce);
}

async function produce(files: readonly string[], options: Options): Promise<void> {
  const name = options.topic;
  if (name === undefined) throw new CliError('USAGE', 'No topic was named.', { next: 'Add -t <topic>.' });
  const headers = options.header.map(parseHeader);
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name);
    const writer = new TopicWriter(cluster, topic, { acks: options.acks, codec: options.compression });
    try {
      for await (const { record, partition } of recordsOf(files, options)) {
        await writer.write({ ...record, headers: [...record.headers, ...headers] }, options.partition ?? partition);
      }
      await writer.flush();
    } catch (error) {
      // What came before a bad line was good: it is written, and said.
      if (error instanceof CliError && error.code === 'BAD_INPUT') await writer.flush();
      if (!options.quiet) notice(`${writer.acknowledged} records written before the error.`);
      throw error;
    }
    if (options.output !== 'table') printObject(options.output, { topic: name, records: writer.acknowledged });
    else if (!options.quiet) notice(`${writer.acknowledged} records written to ${name}.`);
  });
}

interface Input {
  readonly record: CliRecord;
  readonly partition: number | null;
}

async function* recordsOf(files: readonly string[], options: Options): AsyncGenerator<Input> {
  if (options.from === 'files') {
    for (const file of files) yield { record: fromLine(readFileSync(file), options), partition: null };
    return;
  }
  const delimiter = Buffer.from(unescaped(options.from === 'jsonl' ? '\\n' : options.delimiter), 'latin1');
  for (const file of files.length === 0 ? ['-'] : files) {
    const stream = file === '-' ? process.stdin : createReadStream(file);
    let number = 0;
    for await (const line of splitStream(stream, delimiter)) {
      number++;
      if (options.from === 'lines') yield { record: fromLine(line, options), partition: null };
      else if (line.length > 0) {
        const { partition, ...record } = recordFromJson(line.toString(), `${file === '-' ? 'stdin' : file}:${number}`);
        yield { record, partition: options.keepPartition ? partition : null };
      }
    }
  }
}

function fromLine(line: Buffer, options: Options): CliRecord {
  const delimiter = options.keyDelimiter === undefined ? null : Buffer.from(unescaped(options.keyDelimiter), 'latin1');
  const at = delimiter === null ? -1 : line.indexOf(delimiter);
  const key = at >= 0 ? line.subarray(0, at) : options.key === undefined ? null : Buffer.from(options.key);
  const value = at >= 0 ? line.subarray(at + delimiter!.length) : line;
  const orNull = (bytes: Buffer | null) => (options.null && bytes?.length === 0 ? null : bytes);
  return { key: orNull(key), value: orNull(value), headers: [], timestamp: null };
}

function parseHeader(text: string): { key: string; value: Uint8Array | null } {
  const equals = text.indexOf('=');
  if (equals === 0) throw new CliError('USAGE', `"${text}" is no header.`, { next: 'Write name=value.' });
  if (equals < 0) return { key: text, value: null };
  return { key: text.slice(0, equals), value: Buffer.from(text.slice(equals + 1)) };
}

function parseFrom(text: string): Options['from'] {
  if (text === 'lines' || text === 'jsonl' || text === 'files') return text;
  throw new CliError('USAGE', `"${text}" is nothing that can be read.`, { next: 'Use lines, jsonl or files.' });
}

function parseCodec(text: string): CompressionCodec {
  const codec = compressionCodecs.find((candidate) => candidate === text);
  if (codec !== undefined) return codec;
  throw new CliError('USAGE', `"${text}" is no codec.`, { next: `Use one of ${compressionCodecs.join(', ')}.` });
}

function parseAcks(text: string): -1 | 0 | 1 {
  if (text === 'all' || text === '-1') return -1;
  if (text === '0' || text === '1') return Number(text) as 0 | 1;
  throw new CliError('USAGE', `"${text}" is no number of acknowledgements.`, { next: 'Use all, 1 or 0.' });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= 0) return number;
  throw new CliError('USAGE', `"${text}" is no partition.`, { next: 'Give a whole number from 0.' });
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
