/**
 * How the batches of a source task reach the log, and their offsets behind them: the port between the source loop, which
 * polls and converts, and its two ways out, `at-least-once.ts` and `exactly-once.ts`. Steps 4 and 7.
 */
import type { RecordMetadata, SourceRecord, SourceTask, TransactionContext } from '../../connectors/api/index.ts';
import type { LogProducer } from '../log/client.ts';
import { type PartitionOffset, partitionText } from '../stores/offset-store.ts';
import type { ProducerSettings } from './client-settings.ts';
import type { ErrorPolicy } from './error-policy.ts';
import type { SourceBatch } from './source-flight.ts';
import type { TaskEnvironment } from './task-environment.ts';

/** A poll's records go on in slices of this many, so that the first are on disk while the last are converted. */
const SLICE_RECORDS = 1_000;

export interface SourceDelivery {
  /** What the task must fail with. */
  readonly failure: Error | null;
  /** False: more would only wait. */
  readonly hasRoom: boolean;
  /** Records it has been given and not finished, by its own count: what the ledger is compared with. */
  readonly held: number;
  /** For a task that ends transactions itself. */
  readonly transactions: TransactionContext | null;
  /** Before the task starts, and before it reads its offsets. */
  open(): Promise<void>;
  /** Resolves when something changed: there is room, all is done, or it failed. */
  change(): Promise<void>;
  /** Whether a run of so many bytes may be sent for this topic, as things stand; where absent, none may. */
  takesRuns?(topic: string, bytes: number): boolean;
  /** Where the slice of a poll's records that begins at `from` ends. */
  sliceEnd(records: readonly SourceRecord[], from: number): number;
  send(batch: SourceBatch): void;
  /** A poll's records have all been sent. */
  polled(): void;
  /** Calls back once every dead letter that was handed over before is durable. */
  afterDurable(callback: () => void): void;
  /** The task waits for its offsets to be durable. */
  flushSoon(): void;
  /** After the last poll: resolves when what can be finished is finished and its offsets are durable. */
  drain(): Promise<void>;
  /** Nothing may be committed any more. */
  cancel(): void;
  close(): Promise<void>;
}

export interface DeliveryOptions {
  readonly environment: TaskEnvironment;
  readonly task: SourceTask;
  readonly className: string;
  readonly client: ProducerSettings;
  /** Asked for once the delivery exists, because dead letters may go through it. */
  readonly policy: () => ErrorPolicy;
  /** Aborted when retries must end. */
  readonly signal: AbortSignal;
}

/** Where dead letters are written, when not by a producer of their own. */
export type DeadLetterProducer = Pick<LogProducer, 'send' | 'close'>;

export function sliceEnd(records: readonly SourceRecord[], from: number): number {
  return Math.min(records.length, from + SLICE_RECORDS);
}

/** The newest offset of each source partition since it was last taken. */
export class PendingOffsets {
  #newest = new Map<string, PartitionOffset>();

  get isEmpty(): boolean {
    return this.#newest.size === 0;
  }

  add({ sourcePartition: partition, sourceOffset: offset }: SourceRecord): void {
    this.#newest.set(partitionText(partition), { partition, offset });
  }

  list(): PartitionOffset[] {
    return [...this.#newest.values()];
  }

  take(): PartitionOffset[] {
    const taken = this.list();
    this.#newest = new Map();
    return taken;
  }

  /** Puts back what could not be written; what came later is newer. */
  putBack(offsets: readonly PartitionOffset[]): void {
    const later = this.#newest;
    this.#newest = new Map(offsets.map((one) => [partitionText(one.partition), one]));
    for (const [key, one] of later) this.#newest.set(key, one);
  }
}

/** Adds what a batch reached to the offsets. Neighbours mostly share their partition object: only the last of a run counts. */
export function noteOffsets(batch: SourceBatch, offsets: PendingOffsets): void {
  const { records } = batch;
  for (let index = 0; index < records.length; index++) {
    if (records[index]!.sourcePartition !== records[index + 1]?.sourcePartition) offsets.add(records[index]!);
  }
}

/** The books and the task hear of a batch that is done; `isDiscarded`: the task itself has thrown it away. */
export function settleBatch(
  batch: SourceBatch,
  { ledger, measures }: TaskEnvironment,
  commitRecord: ((record: SourceRecord, metadata: RecordMetadata | null) => void) | null,
  isDiscarded = false,
): void {
  const { records, metadata, outIndex, dropped, run } = batch;
  if (run !== null) {
    if (isDiscarded) ledger.filtered += run.run.count;
    else ledger.written += run.run.count;
    ledger.inFlight -= run.run.count;
    run.run.release?.();
    return;
  }
  let next = 0;
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const isSent = !isDiscarded && (outIndex === null || outIndex[next] === index);
    const answer = isSent ? metadata[next++]! : null;
    if (answer !== null) ledger.written++;
    else if (isDiscarded) ledger.filtered++;
    commitRecord?.(record, answer);
  }
  if (!isDiscarded) ledger.filtered += dropped.filtered;
  ledger.deadLettered += isDiscarded ? 0 : dropped.deadLettered;
  ledger.skipped += isDiscarded ? 0 : dropped.skipped;
  ledger.inFlight -= records.length;
  const timestamp = records.at(-1)?.timestamp ?? null;
  if (timestamp !== null) measures.lagMs = Math.max(0, Date.now() - timestamp);
}
