/** `millrace log dump`: the records of a log's files, or with `--batches` the headers of its batches. */
import { type Command, InvalidArgumentError } from 'commander';
import { disk } from '../broker/fs/disk.ts';
import { type Dumped, dumpFolder, type FoundFolder } from '../broker/log/inspect.ts';
import { type OutputFormat, printRows, type Row, withOutput } from './io.ts';
import { partitionsAt } from './log-files.ts';
import { recordToJson } from './record-json.ts';

interface Options {
  readonly output: OutputFormat;
  readonly batches?: boolean;
  readonly from: number;
  readonly count: number;
}

/** Printed at a time where nothing must be laid out in columns, so that a large log needs no large memory. */
const rowsPerPrint = 1000;
const recordColumns = ['topic', 'partition', 'offset', 'timestamp', 'key', 'value'];
const batchColumns = [
  ...['topic', 'partition', 'position', 'baseOffset', 'lastOffset', 'records', 'bytes', 'codec', 'leaderEpoch'],
  ...['producerId', 'producerEpoch', 'baseSequence', 'marker', 'fault'],
];

export function define(command: Command): void {
  command
    .argument('<dir>', 'data directory, or one partition in it')
    .option('--batches', 'the headers of batches in place of records')
    .option('--from <offset>', 'begin at this offset of each partition', wholeNumber, 0)
    .option('-c, --count <n>', 'stop after so many of each partition', wholeNumber, Number.POSITIVE_INFINITY);
  withOutput(command).action(dump);
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

async function dump(path: string, options: Options): Promise<void> {
  const columns = options.batches === true ? batchColumns : recordColumns;
  let rows: Row[] = [];
  for (const found of partitionsAt(path)) {
    for (const row of rowsOf(found, options)) {
      rows.push(row);
      if (options.output !== 'jsonl' || rows.length < rowsPerPrint) continue;
      printRows('jsonl', rows, columns);
      rows = [];
    }
  }
  printRows(options.output, rows, columns);
}

function* rowsOf({ folder, topic, partition }: FoundFolder, options: Options): Generator<Row> {
  let left = options.count;
  for (const dumped of dumpFolder(disk, folder, options.from, options.batches !== true)) {
    const rows =
      options.batches === true ? [{ topic, partition, ...dumped.batch }] : recordsOf(dumped, topic, partition);
    for (const row of rows) {
      if (options.batches !== true && (row.offset as number) < options.from) continue;
      if (left-- <= 0) return;
      yield row;
    }
  }
}

function recordsOf({ batch, records }: Dumped, topic: string, partition: number): Row[] {
  if (batch.fault !== null)
    return [{ topic, partition, offset: batch.baseOffset, fault: batch.fault, value: `(damaged: ${batch.fault})` }];
  if (batch.marker !== null) {
    const { baseOffset, maxTimestamp, marker, producerId } = batch;
    return [
      {
        topic,
        partition,
        offset: baseOffset,
        timestamp: maxTimestamp,
        marker,
        producerId,
        value: `(${marker} of producer ${producerId})`,
      },
    ];
  }
  return records.map((record) => recordToJson({ topic, partition, ...record }));
}
