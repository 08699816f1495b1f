/**
 * Reads single records of a partition by their offsets, straight from its log: for a worker that looks up what it wrote. It
 * belongs to no group and remembers no position.
 */
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { asLogError } from './errors.ts';
import { PartitionReader } from './partition-reader.ts';
import type { ConsumerRecord } from './types.ts';

/** A commit is told before its marker is in the partition; that takes milliseconds, or as long as a disk hangs. */
const VISIBLE_DEADLINE_MS = 5_000;

export class InProcessReader {
  readonly #log: () => PartitionLog;

  /** `log` opens the partition's log, or throws that there is none. */
  constructor(log: () => PartitionLog) {
    this.#log = log;
  }

  /** The committed record at this offset, or null where there is none. */
  async read(offset: number): Promise<ConsumerRecord | null> {
    const log = this.#log();
    if (!(await isVisible(log, offset))) return null;
    const reader = new PartitionReader(log, offset, 'read_committed');
    const found: ConsumerRecord[] = [];
    try {
      // Room for one byte is one batch: the one that holds the offset.
      reader.read(found, { records: 1, bytes: 1 });
    } catch (error) {
      if (errorNameOf(error) === 'OFFSET_OUT_OF_RANGE') return null;
      throw asLogError(error, `Offset ${offset} of ${reader.topic}-${reader.partition} could not be read`);
    }
    return found[0]?.offset === offset ? found[0] : null;
  }

  async close(): Promise<void> {}
}

/** False: nobody wrote that offset, or its transaction stays open. */
async function isVisible(log: PartitionLog, offset: number): Promise<boolean> {
  if (offset < log.lastStableOffset) return true;
  if (offset >= log.highWatermark) return false;
  return new Promise((resolve) => {
    const end = () => {
      stop();
      clearTimeout(timer);
      resolve(offset < log.lastStableOffset);
    };
    const stop = log.onAdvance(() => offset < log.lastStableOffset && end());
    const timer = setTimeout(end, VISIBLE_DEADLINE_MS);
  });
}
