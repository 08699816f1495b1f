/**
 * Real records for the registry to try schemas on: the last ones of a topic, read from the log of this process.
 *
 * `up.ts` hands this in; the registry knows no topic and the log no schema.
 */

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** The log, as far as it is asked. */
export interface ReadLog {
  describeTopics(names: readonly string[]): Promise<readonly { readonly partitions: number }[]>;
  offsets(partition: Place): Promise<{ readonly logStartOffset: number; readonly logEndOffset: number }>;
  reader(partition: Place): {
    read(offset: number): Promise<{
      readonly timestamp: number;
      readonly key: Buffer | null;
      readonly value: Buffer | null;
    } | null>;
    close(): Promise<void>;
  };
}

interface FoundRecord {
  readonly place: string;
  readonly bytes: Buffer;
}

/** Bytes held at once; then fewer records must do. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Records read between two turns of the event loop. */
const TURN_RECORDS = 100;

/** Up to `count` records, as many of each partition, oldest first; null where there is no such topic. */
export async function lastRecordsOf(
  log: ReadLog,
  topic: string,
  side: 'key' | 'value',
  count: number,
): Promise<readonly FoundRecord[] | null> {
  const [described] = await log.describeTopics([topic]);
  if (described === undefined) return null;
  const room = { records: Math.ceil(count / described.partitions), bytes: BYTES_MAX / described.partitions };
  const found: TimedRecord[] = [];
  for (let partition = 0; partition < described.partitions; partition++) {
    found.push(...(await lastOfPartition(log, { topic, partition }, side, room)));
  }
  return found.sort((a, b) => a.timestamp - b.timestamp).slice(-count);
}

interface TimedRecord extends FoundRecord {
  readonly timestamp: number;
}

/** Read from the end, so that the newest find room. Tombstones and holes count among the records looked at. */
async function lastOfPartition(
  log: ReadLog,
  place: Place,
  side: 'key' | 'value',
  room: { readonly records: number; readonly bytes: number },
): Promise<TimedRecord[]> {
  const { logStartOffset, logEndOffset } = await log.offsets(place);
  const first = Math.max(logStartOffset, logEndOffset - room.records);
  const reader = log.reader(place);
  const found: TimedRecord[] = [];
  let bytes = 0;
  for (let offset = logEndOffset - 1; offset >= first && bytes < room.bytes; offset--) {
    if (offset % TURN_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve));
    const record = await reader.read(offset);
    const content = record?.[side] ?? null;
    if (record === null || content === null) continue;
    bytes += content.length;
    found.push({
      place: `${place.topic}-${place.partition}@${offset}`,
      bytes: content,
      timestamp: record.timestamp,
    });
  }
  await reader.close();
  return found.reverse();
}
