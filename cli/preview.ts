/**
 * `millrace preview`: real records through a connector's source, transforms and converters, each stage shown; for a sink
 * what it would send. Writes nothing, acknowledges nothing.
 */
import type { Command } from 'commander';
import { filesOf, rightFiles, shownFinding } from './connector-files.ts';
import { parseSeconds } from './connectors.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, withOutput, writeData } from './io.ts';
import { readText } from './json-file.ts';
import { type ClusterOptions, withBrokers, withCluster } from './kafka/cluster.ts';
import { lastRecords } from './kafka/sample.ts';
import { recordFromJson } from './record-json.ts';
import { withRegistry } from './rest.ts';
import {
  type ConnectorFile,
  liveTools,
  offlineRegistry,
  type Preview,
  type PreviewedRecord,
  type Reach,
  reachOf,
  type StageTrace,
  type WorkshopFlags,
  withWorkshop,
} from './workshop.ts';

interface Options extends WorkshopFlags, ClusterOptions {
  readonly output: OutputFormat;
  readonly count: number;
  readonly wait: number;
  readonly registry: string;
  readonly from?: string;
}

export function define(command: Command): void {
  command.argument('<file>', 'one connector file; - is stdin');
  command.option('-c, --count <n>', 'how many records', parseCount, 5);
  command.option('--wait <seconds>', 'how long to wait for them', parseSeconds, 10);
  command.option('--from <file>', "a sink's records from a file as `consume --output jsonl` writes it; - is stdin");
  withOutput(withRegistry(withBrokers(withWorkshop(command)))).action(preview);
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new CliError('USAGE', `"${text}" is no number of records.`, { next: 'Give a whole number from 1.' });
}

async function preview(path: string, options: Options): Promise<void> {
  const reach = await reachOf(options);
  const [file, ...more] = await rightFiles([path], reach);
  if (file === undefined || more.length > 0) {
    throw new CliError('USAGE', `${path} holds ${more.length + (file === undefined ? 0 : 1)} connectors.`, {
      next: 'Name one file.',
    });
  }
  const shown = await previewOf(file, reach, options);
  if (options.output === 'table') printPreview(shown);
  else if (options.output === 'json') printObject('json', { ...shown });
  else
    writeData(
      [...shown.records.map((record) => record as object), { statements: shown.statements, notes: shown.notes }]
        .map((each) => `${JSON.stringify(each)}\n`)
        .join(''),
    );
}

async function previewOf(file: ConnectorFile, reach: Reach, options: Options): Promise<Preview> {
  const { planFile, previewSource, previewSink } = await liveTools();
  const plan = async (each: ConnectorFile, with_: Reach) => {
    const planned = await planFile(each, with_);
    if ('plan' in planned) return planned.plan;
    for (const finding of planned.findings) notice(shownFinding(finding));
    throw new CliError('BAD_CONFIGURATION', `There is something wrong in ${filesOf(planned.findings)}.`);
  };
  const given = await plan(file, reach);
  const urls = [given.key, given.value].flatMap(({ config }) => config.raw['schema.registry.url']?.split(',') ?? []);
  // A converter with an address of its own would register schemas there: it gets the registry that only looks.
  const own = await plan(
    { ...file, config: withoutRegistry(file.config) },
    { ...reach, worker: withoutRegistry(reach.worker) },
  );
  const registry = await offlineRegistry(urls.length > 0 ? urls : [options.registry]);
  const at = (_: object, message: string) => notice(message);
  const logger = { debug() {}, info() {}, warn: at, error: at };
  const request = { max: options.count, registry, logger, signal: AbortSignal.timeout(options.wait * 1000) };
  if (own.plugin.type === 'source') return previewSource(own, request);
  return previewSink(
    own,
    await inputOf(own.settings.list('topics'), own.settings.string('topics.regex'), options),
    request,
  );
}

function withoutRegistry(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !key.endsWith('.converter.schema.registry.url')));
}

/** The last records of the sink's topics, or those of a file. */
async function inputOf(topics: readonly string[], regex: string, options: Options) {
  if (options.from !== undefined) {
    const lines = readText(options.from)
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.slice(0, options.count).map((line, index) => {
      const record = recordFromJson(line, `line ${index + 1}`);
      const place = { topic: topics[0] ?? 'preview', partition: record.partition ?? 0, offset: index };
      return { ...record, ...place, timestamp: record.timestamp ?? 0 } as never;
    });
  }
  return withCluster(options, async (cluster) => {
    const pattern = regex === '' ? null : new RegExp(`^(?:${regex})$`);
    const names =
      pattern === null
        ? topics
        : (await cluster.topics()).map(({ topic }) => topic).filter((name) => pattern.test(name));
    const records = await lastRecords(cluster, names, options.count);
    if (records.length === 0) notice(`There are no records in ${names.join(', ') || 'the topics that match'} yet.`);
    return records as never[];
  });
}

function printPreview({ records, statements, notes }: Preview): void {
  writeData(records.map(shownRecord).join('\n'));
  if (statements !== null && statements.length > 0) {
    writeData(`\nwould send:\n${statements.map((each) => `  ${each.replaceAll('\n', '\n  ')}\n`).join('')}`);
  }
  for (const note of notes) notice(note);
  notice(`${records.length} record${records.length === 1 ? '' : 's'}; nothing was written.`);
}

function shownRecord(record: PreviewedRecord, index: number): string {
  const head = `record ${index + 1}  ${JSON.stringify(record.from)}\n`;
  const error = record.error === undefined ? '' : `  failed in ${record.error.stage}: ${record.error.message}\n`;
  return head + record.stages.map(shownStage).join('') + error;
}

function shownStage({ stage, class: name, isChanged, record }: StageTrace): string {
  const head = `  ${stage.padEnd(20)} ${name}`.trimEnd();
  if (record === null) return `${head}  ${isChanged ? 'dropped' : 'failed'}\n`;
  if (!isChanged) return `${head}  unchanged\n`;
  const { topic, key, value, headers } = record;
  const parts = [`topic ${topic}`, `key ${JSON.stringify(key)}`, `value ${JSON.stringify(value)}`];
  if (headers.length > 0) parts.push(`headers ${JSON.stringify(headers)}`);
  return `${head}\n${parts.map((part) => `      ${part}\n`).join('')}`;
}
