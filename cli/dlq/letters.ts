/**
 * Dead letters as the runtime writes them: original bytes and headers, and the `__connect.errors.*` headers that say where
 * they come from and why. Reads them, groups them by cause, and knows which are resolved.
 */
import { createHash } from 'node:crypto';
import { CliError } from '../errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { readTopic } from '../kafka/read.ts';
import type { StoredRecord } from '../record-json.ts';

/** Compacted: a key per resolved letter, with what became of it. */
export const RESOLVED_TOPIC = 'millrace-dlq-resolved';
const PREFIX = '__connect.errors.';
const EARLIEST = -2;
const LATEST = -1;

export interface DeadLetter {
  readonly record: StoredRecord;
  /** `people-dlq-0@5` */
  readonly place: string;
  /** The record as it was: without the headers of the error. */
  readonly original: Pick<StoredRecord, 'key' | 'value' | 'headers' | 'timestamp'> & {
    /** Null where it never was in a topic: a source's record. */
    readonly topic: string | null;
    readonly partition: number | null;
    readonly offset: number | null;
  };
  readonly cause: {
    readonly connector: string;
    readonly task: string;
    readonly stage: string;
    readonly class: string;
    readonly error: string;
    readonly message: string;
    /** Where it stood in a source's world, as JSON. */
    readonly source: string | null;
  };
  /** Names the group: letters of one cause share it. */
  readonly group: string;
  readonly isResolved: boolean;
}

export interface LetterGroup {
  readonly group: string;
  readonly topic: string;
  readonly connector: string;
  readonly stage: string;
  readonly error: string;
  /** The message, with what differs from letter to letter left out. */
  readonly cause: string;
  readonly open: number;
  readonly resolved: number;
  readonly first: string;
  readonly last: string;
}

/** All letters of a topic, in the order of the log. */
export async function readLetters(
  cluster: Cluster,
  topic: string,
  resolved: ReadonlyMap<string, number>,
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const records of wholeTopic(cluster, topic)) {
    for (const record of records) letters.push(letterOf(record, resolved));
  }
  return letters;
}

/** The places of resolved letters, each with the letter's timestamp: a topic made anew has other letters there. */
export async function readResolved(cluster: Cluster): Promise<Map<string, number>> {
  const resolved = new Map<string, number>();
  try {
    for await (const records of wholeTopic(cluster, RESOLVED_TOPIC)) {
      for (const { key, value } of records) {
        if (key === null) continue;
        const place = Buffer.from(key).toString();
        if (value === null) resolved.delete(place);
        else resolved.set(place, (JSON.parse(Buffer.from(value).toString()) as { timestamp: number }).timestamp);
      }
    }
  } catch (error) {
    // Nobody has resolved anything yet.
    if (!(error instanceof CliError && error.code === 'NOT_FOUND')) throw error;
  }
  return resolved;
}

async function* wholeTopic(cluster: Cluster, name: string): AsyncGenerator<StoredRecord[]> {
  const topic = await cluster.topic(name);
  const partitions = topic.partitions.map(({ partition }) => partition);
  const from = await cluster.offsetsAt(topic, partitions, EARLIEST);
  const until = await cluster.offsetsAt(topic, partitions, LATEST);
  yield* readTopic(cluster, { topic, from, until });
}

function letterOf(record: StoredRecord, resolved: ReadonlyMap<string, number>): DeadLetter {
  const context = new Map<string, string | null>();
  for (const { key, value } of record.headers) {
    if (key.startsWith(PREFIX)) context.set(key.slice(PREFIX.length), value && Buffer.from(value).toString());
  }
  const text = (name: string): string => context.get(name) ?? '';
  const number = (name: string): number | null => (/^\d+$/.test(text(name)) ? Number(text(name)) : null);
  const cause = {
    connector: text('connector.name'),
    task: text('task.id'),
    stage: text('stage'),
    class: text('class.name'),
    error: text('exception.class.name'),
    message: text('exception.message'),
    source: context.get('source') ?? null,
  };
  const place = `${record.topic}-${record.partition}@${record.offset}`;
  return {
    record,
    place,
    original: {
      topic: text('topic') || null,
      partition: number('partition'),
      offset: number('offset'),
      key: record.key,
      value: record.value,
      headers: record.headers.filter(({ key }) => !key.startsWith(PREFIX)),
      timestamp: record.timestamp,
    },
    cause,
    group: groupOf([record.topic, cause.connector, cause.stage, cause.error, shapeOf(cause.message)]),
    isResolved: resolved.get(place) === record.timestamp,
  };
}

function groupOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 8);
}

/** A message without what differs between two records of one cause: quoted text, numbers, ids. */
export function shapeOf(message: string): string {
  return message
    .split('\n', 1)[0]!
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, '…')
    .replace(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replace(/'[^']*'/g, "'…'")
    .replace(/\d+(?:[.,:]\d+)*/g, 'N')
    .slice(0, 160);
}

/** One row per cause, the most letters still open first. */
export function groupsOf(letters: readonly DeadLetter[]): LetterGroup[] {
  const groups = Map.groupBy(letters, ({ group }) => group);
  const rows = [...groups].map(([group, members]): LetterGroup => {
    const { cause, record } = members[0]!;
    const times = members.map((letter) => letter.record.timestamp);
    const open = members.filter(({ isResolved }) => !isResolved).length;
    return {
      group,
      topic: record.topic,
      connector: cause.connector,
      stage: cause.stage,
      error: cause.error,
      cause: shapeOf(cause.message),
      open,
      resolved: members.length - open,
      first: new Date(Math.min(...times)).toISOString(),
      last: new Date(Math.max(...times)).toISOString(),
    };
  });
  return rows.sort((a, b) => b.open - a.open);
}
