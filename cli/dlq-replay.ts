/**
 * `millrace dlq replay`: sends dead letters back, corrected where asked, and marks them resolved.
 *
 * Records and marks go in one transaction, in the order of the original topic: killed anywhere, a letter is either back and
 * resolved, or neither. A second replay of the same topic ends the first before it looks.
 */
import type { Command } from 'commander';
import { counted } from './connector-files.ts';
import { type ChainOptions, Chains, isBeforeChain } from './dlq/chain.ts';
import { assignmentOf, type Edit, type Edited, editedRecord, patchOf } from './dlq/edit.ts';
import { type DeadLetter, RESOLVED_TOPIC } from './dlq/letters.ts';
import { type SelectionOptions, selectLetters, withSelection } from './dlq/selection.ts';
import { deadLetterTopics } from './dlq/topics.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput, writeData } from './io.ts';
import { readText } from './json-file.ts';
import { createTopics } from './kafka/calls.ts';
import { type Cluster, check, withCluster } from './kafka/cluster.ts';
import { type TargetedRecord, TransactionalWriter } from './kafka/transaction.ts';
import { recordToJson } from './record-json.ts';
import { withRegistry } from './rest.ts';
import { withWorkshop } from './workshop.ts';

interface Options extends SelectionOptions, ChainOptions {
  readonly output: OutputFormat;
  readonly set: readonly Edit[];
  readonly patch?: string;
  readonly to?: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** In one transaction: few enough to be quick, many enough that commits do not count. */
const RECORDS_PER_TRANSACTION = 500;
const BYTES_PER_TRANSACTION = 500_000;
const CREATE_TIMEOUT_MS = 30_000;
const REPLAYED_FROM = 'millrace.replayed.from';
/** As the runtime marks a letter whose value did not fit. */
const OMITTED_VALUE = 'millrace.omitted.value.bytes';

export function define(command: Command): void {
  command.option('--all', 'every open letter, whatever its cause');
  command.option(
    '--set <assignment>',
    "change the record: 'value.amount = double(value.amount)' (CEL); may repeat",
    collect,
    [],
  );
  command.option('--patch <file>', 'change the value by a JSON Patch (a list) or a merge patch (an object)');
  command.option('--to <topic>', 'write here instead, the bytes as they are, past the chain of a source');
  command.option('--dry-run', 'show each record before and after, write nothing');
  withOutput(withRegistry(withWorkshop(withSelection(command)))).action(replay);
}

function collect(text: string, previous: readonly Edit[]): Edit[] {
  return [...previous, assignmentOf(text)];
}

/** A letter on its way back; null where a transform drops it, which resolves it too. */
interface Return {
  readonly letter: DeadLetter;
  readonly record: TargetedRecord | null;
}

async function replay(named: readonly string[], options: Options): Promise<void> {
  if (options.group === undefined && options.where === undefined && options.all !== true) {
    throw new CliError('USAGE', 'Say which letters: --group ID, --where EXPRESSION or --all.', {
      next: 'millrace dlq ls shows the groups.',
    });
  }
  const edits = [...options.set, ...(options.patch === undefined ? [] : [patchFrom(options.patch)])];
  const chains = new Chains(options);
  try {
    const returns = await withCluster(options, async (cluster) => {
      if (options.dryRun) return prepare(await selectLetters(cluster, named, options), edits, chains, options);
      const done: Return[] = [];
      // One topic after the other: each has a transactional id, so that two replays of it cannot both send a letter.
      for (const topic of await deadLetterTopics(named, options.connect)) {
        done.push(...(await replayTopic(cluster, topic, edits, chains, options)));
      }
      return done;
    });
    report(returns, edits, options);
  } finally {
    await chains.close();
  }
}

async function replayTopic(
  cluster: Cluster,
  topic: string,
  edits: readonly Edit[],
  chains: Chains,
  options: Options,
): Promise<Return[]> {
  await ensureResolvedTopic(cluster);
  const writer = await TransactionalWriter.open(cluster, `millrace-dlq-replay-${topic}`);
  // Read after the writer began: what an earlier one committed is seen, what it did not commit never will be.
  const letters = await selectLetters(cluster, [topic], options).catch((error: unknown) => {
    if (error instanceof CliError && error.code === 'NOT_FOUND' && options.group === undefined) return [];
    throw error;
  });
  const returns = await prepare(letters, edits, chains, options);
  const fitting = await withPartitions(cluster, returns);
  for (const chunk of chunksOf(fitting)) {
    await writer.write(chunk.flatMap((each) => [...(each.record === null ? [] : [each.record]), markOf(each)]));
  }
  return fitting;
}

/** In the order of the original topic, so that records of one key keep theirs. Every edit is made before any is sent. */
async function prepare(
  letters: readonly DeadLetter[],
  edits: readonly Edit[],
  chains: Chains,
  options: Options,
): Promise<Return[]> {
  const ordered = [...letters].sort(
    ({ original: a, record: left }, { original: b, record: right }) =>
      (a.topic ?? '').localeCompare(b.topic ?? '') ||
      (a.partition ?? 0) - (b.partition ?? 0) ||
      (a.offset ?? 0) - (b.offset ?? 0) ||
      left.offset - right.offset,
  );
  const returns: Return[] = [];
  for (const letter of ordered) {
    const record = targeted(letter, edited(letter, edits), options);
    if (record.value === null) mustHaveValue(letter);
    const isUnfinished = isBeforeChain(letter) && options.to === undefined;
    const finished = isUnfinished ? await chains.produce(letter, record) : record;
    returns.push({ letter, record: finished === null ? null : withOrigin(finished, letter) });
  }
  return returns;
}

/** A letter whose value was left out for its size is no tombstone, and must not delete what it was to write. */
function mustHaveValue({ place, original, cause }: DeadLetter): void {
  const omitted = original.headers.find(({ key }) => key === OMITTED_VALUE);
  if (omitted === undefined) return;
  const where = cause.source ?? `${original.topic}-${original.partition}@${original.offset}`;
  const bytes = Buffer.from(omitted.value ?? []).toString();
  throw new CliError(
    'BAD_INPUT',
    `${place} has no value: its ${bytes} bytes were too many for the dead-letter topic.`,
    {
      next: `Nothing of this topic was sent. Leave such letters out with --where 'value != null'; the record stands at ${where}.`,
    },
  );
}

/** Tells who meets the record again where it has been. */
function withOrigin(record: TargetedRecord, { place }: DeadLetter): TargetedRecord {
  const others = record.headers.filter(({ key }) => key !== REPLAYED_FROM);
  return { ...record, headers: [...others, { key: REPLAYED_FROM, value: Buffer.from(place) }] };
}

function edited(letter: DeadLetter, edits: readonly Edit[]): Edited {
  try {
    return editedRecord(letter, edits);
  } catch (error) {
    throw new CliError('BAD_INPUT', `${letter.place} cannot be edited like that: ${(error as Error).message}`, {
      next: 'Nothing of this topic was sent. Leave such letters out with --where, or use has(value.field).',
    });
  }
}

function targeted({ original, place }: DeadLetter, record: Edited, { to }: Options): TargetedRecord {
  const topic = to ?? record.topic;
  if (topic === null) {
    throw new CliError('BAD_INPUT', `${place} was in no topic before: it failed on its way in.`, {
      next: 'Name where it should go with --to TOPIC. Its bytes are those the source read.',
    });
  }
  const partition = topic === original.topic && record.key === original.key ? original.partition : null;
  return {
    topic,
    partition,
    key: record.key,
    value: record.value,
    headers: record.headers,
    timestamp: record.timestamp,
  };
}

/** A topic that has fewer partitions than it had: by the key then. */
async function withPartitions(cluster: Cluster, returns: readonly Return[]): Promise<Return[]> {
  const counts = new Map<string, number>();
  for (const { record } of returns) {
    if (record === null) continue;
    if (!counts.has(record.topic)) counts.set(record.topic, (await cluster.topic(record.topic)).partitions.length);
  }
  return returns.map(({ letter, record }) => {
    if (record === null) return { letter, record };
    const isThere = record.partition === null || record.partition < counts.get(record.topic)!;
    return { letter, record: isThere ? record : { ...record, partition: null } };
  });
}

function* chunksOf(returns: readonly Return[]): Generator<Return[]> {
  let chunk: Return[] = [];
  let bytes = 0;
  for (const each of returns) {
    const size = (each.record?.value?.length ?? 0) + (each.record?.key?.length ?? 0);
    // A large record goes alone: one batch has to fit the topic's limit.
    if (chunk.length === RECORDS_PER_TRANSACTION || (chunk.length > 0 && bytes + size > BYTES_PER_TRANSACTION)) {
      yield chunk;
      [chunk, bytes] = [[], 0];
    }
    chunk.push(each);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function markOf({ letter, record }: Return): TargetedRecord {
  const mark = { timestamp: letter.record.timestamp, replayedTo: record?.topic ?? null, at: new Date().toISOString() };
  const [key, value] = [Buffer.from(letter.place), Buffer.from(JSON.stringify(mark))];
  return { topic: RESOLVED_TOPIC, partition: 0, key, value, headers: [], timestamp: null };
}

async function ensureResolvedTopic(cluster: Cluster): Promise<void> {
  const { controllerId, topics } = await cluster.metadata([RESOLVED_TOPIC]);
  if (topics[0]?.errorCode === 0) return;
  const connection = await cluster.node(controllerId);
  const configs = [{ name: 'cleanup.policy', value: 'compact' }];
  const answer = await connection.request(createTopics, {
    topics: [{ name: RESOLVED_TOPIC, numPartitions: 1, replicationFactor: -1, configs }],
    timeoutMs: CREATE_TIMEOUT_MS,
  });
  try {
    check(answer.topics[0]!.errorCode, `Topic ${RESOLVED_TOPIC}`, answer.topics[0]!.errorMessage);
  } catch (error) {
    if (!(error instanceof CliError && error.code === 'CONFLICT')) throw error;
  }
}

function patchFrom(path: string): Edit {
  try {
    return patchOf(JSON.parse(readText(path)) as unknown, path);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError('BAD_INPUT', `${path} is no JSON.`, { cause: error });
  }
}

function report(returns: readonly Return[], edits: readonly Edit[], options: Options): void {
  const result = options.dryRun ? 'would be replayed' : 'replayed';
  const rows = returns.map(({ letter, record }) => {
    const sides = [shown(letter.original), record === null ? null : shown(record)];
    return {
      letter: letter.place,
      to: record?.topic ?? null,
      result,
      ...(edits.length === 0 ? {} : { before: sides[0], after: sides[1] }),
    };
  });
  if (options.output !== 'table') printRows(options.output, rows, []);
  else if (options.dryRun) writeData(returns.map((each) => shownReturn(each, edits.length > 0)).join(''));
  else printRows('table', rows, ['letter', 'to', 'result']);
  const verb = options.dryRun ? 'would be sent back; nothing was written' : 'sent back and marked resolved';
  notice(returns.length === 0 ? 'No open letter matches.' : `${counted(returns.length, 'letter')} ${verb}.`);
}

function shown({ key, value, headers }: Pick<TargetedRecord, 'key' | 'value' | 'headers'>) {
  const own = headers.filter((header) => header.key !== REPLAYED_FROM);
  const all = recordToJson({ key, value, headers: own, topic: '', partition: 0, offset: 0, timestamp: 0 });
  return { key: all.key, value: all.value, headers: all.headers };
}

function shownReturn({ letter, record }: Return, isEdited: boolean): string {
  if (record === null) return `${letter.place} → dropped by a transform\n`;
  const head = `${letter.place} → ${record.topic}\n`;
  const [before, after] = [shown(letter.original), shown(record)];
  const lines = (['key', 'value', 'headers'] as const).flatMap((name) => {
    const [old, now] = [JSON.stringify(before[name]), JSON.stringify(after[name])];
    if (old === now) return isEdited && name !== 'value' ? [] : [`    ${name} ${old}\n`];
    return [`  - ${name} ${old}\n`, `  + ${name} ${now}\n`];
  });
  return head + lines.join('');
}
