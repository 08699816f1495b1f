/**
 * Appends records that become true together (KIP-98), without a socket: the broker's own transaction coordinator is
 * asked directly, as a producer of KIP-890 would ask it over TCP. It is what makes a source exactly once.
 *
 * Sends begin in the order they were called, because sequences count; their fdatasyncs overlap.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../broker.ts';
import { errorNameOf } from '../errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { writeBatchHeader } from '../protocol/record-batch.ts';
import type { CommittedRecords } from '../transactions/entry.ts';
import type { ProducerAnswer, ProducerIdentity } from '../transactions/types.ts';
import { appendBatches, type Batch, Batching, buildBatch, type Packing, packingOf } from './batching.ts';
import { asLogError, InProcessLogError, refusal } from './errors.ts';
import {
  type ProducerRecord,
  type ProducerRun,
  partitionName,
  type RecordMetadata,
  type SentAndCommitted,
  type TopicPartition,
  type TransactionalProducerOptions,
} from './types.ts';

/** Kafka's `transaction.timeout.ms`. */
const timeoutMsDefault = 60_000;
/** The coordinator waits a second itself for the end of the transaction before; a few of those are a slow disk. */
const busyDeadlineMs = 15_000;
const busyWaitMs = 20;
/** How long the batches of one transaction may keep the event loop; some of them together are tens of megabytes. */
const turnMs = 5;
/** Sequences wrap from 2^31-1 to 0. */
const sequences = 2 ** 31;

/** Takes the id over: resolves when whoever had it is fenced and what it left open is aborted. */
export async function openTransactionalProducer(
  broker: Broker,
  options: TransactionalProducerOptions,
): Promise<InProcessTransactionalProducer> {
  const { transactionalId, timeoutMs = timeoutMsDefault } = options;
  const answer = await whileBusy(
    `Taking over transactional id "${transactionalId}"`,
    () =>
      new Promise<ProducerAnswer>((resolve) => {
        broker.transactions.initProducerId({ transactionalId, timeoutMs, expected: null, beginsAtOnce: true }, resolve);
      }),
    ({ error }) => error,
  );
  return new InProcessTransactionalProducer(broker, options, answer);
}

const appending = { acks: -1, origin: 'client', transactionVersion: 2 } as const;

/** Resolves when the appends have begun; the promise inside it, when they are durable. */
interface Begun {
  readonly appended: Promise<readonly RecordMetadata[]>;
}

export class InProcessTransactionalProducer {
  readonly #broker: Broker;
  readonly #batching: Batching;
  readonly #packing: Packing;
  #who: ProducerIdentity;
  /** Partitions of the open transaction; empty while none is open. */
  readonly #partitions = new Map<string, TopicPartition>();
  readonly #sequences = new Map<string, number>();
  /** When the last send has begun, so that the next one may. */
  #begun: Promise<unknown> = Promise.resolve();
  /** What a send of the open transaction was refused with before it was appended. */
  #refusal: unknown = null;
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(broker: Broker, options: TransactionalProducerOptions, { producerId, producerEpoch }: ProducerAnswer) {
    this.#broker = broker;
    this.#batching = new Batching(broker, options);
    this.#packing = packingOf(options.overrides);
    this.#who = { transactionalId: options.transactionalId, producerId, producerEpoch };
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    if (this.#isClosed) throw closed();
    if (records.length === 0) return [];
    return this.#send(() => this.#begin(records));
  }

  async #send(begin: () => Promise<Begun>): Promise<readonly RecordMetadata[]> {
    const begun = this.#begun.then(begin);
    this.#begun = begun.catch((error: unknown) => {
      this.#refusal ??= error;
    });
    const sent = begun.then(({ appended }) => appended);
    this.#pending.add(sent);
    try {
      return await sent;
    } catch (error) {
      throw this.#asFenced(error);
    } finally {
      this.#pending.delete(sent);
    }
  }

  /** Whether `sendAndCommit` takes records of this topic in a run of so many bytes, as things are now. */
  takesRuns(topic: string, bytes: number): boolean {
    return this.#packing.codec === 'none' && this.#batching.takesRuns(topic, bytes);
  }

  async commit(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#end(true);
  }

  /**
   * Sends these and commits them with all that was sent, in one wait for the disk: the decision goes there beside its records,
   * and stands only with them. `committed` rejects wherever `written` does, and the transaction can then be aborted.
   */
  sendAndCommit(pieces: readonly (readonly ProducerRecord[] | ProducerRun)[]): SentAndCommitted {
    const begun = this.#beginAll(pieces);
    const written = begun.then((sent) => Promise.all(sent));
    const durable = Promise.all([...this.#pending, written]);
    return { written, committed: this.#commitWith(begun, durable) };
  }

  /** Sends them; between large ones everybody else in this process has a turn. Rejects where not all could be sent. */
  async #beginAll(
    pieces: readonly (readonly ProducerRecord[] | ProducerRun)[],
  ): Promise<Promise<readonly RecordMetadata[]>[]> {
    const sent: Promise<readonly RecordMetadata[]>[] = [];
    let since = performance.now();
    for (const piece of pieces) {
      if (performance.now() - since > turnMs) {
        await new Promise((resolve) => setImmediate(resolve));
        since = performance.now();
      }
      if (this.#isClosed) throw closed();
      const sending = 'run' in piece ? this.#send(() => this.#beginRun(piece)) : this.send(piece);
      // Whoever asked hears of it from `written`.
      sending.catch(() => {});
      sent.push(sending);
      await this.#begun;
    }
    return sent;
  }

  async #commitWith(begun: Promise<unknown>, durable: Promise<unknown>): Promise<void> {
    // Whoever asked hears of it from `written`.
    durable.catch(() => {});
    await begun;
    await this.#begun;
    if (this.#refusal !== null) throw this.#refusal;
    const awaited = [...this.#partitions].map(([name, partition]) => {
      return { ...partition, lastSequence: ((this.#sequences.get(name) ?? 0) + sequences - 1) % sequences };
    });
    await this.#end(true, { awaited, durable });
  }

  async abort(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#end(false);
  }

  /** Waits for what was sent; an open transaction is left to the next producer of this id, or to its timeout. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#pending);
  }

  /** Resolves when the appends have begun; the promise inside it, when they are durable. */
  async #begin(records: readonly ProducerRecord[]): Promise<Begun> {
    const nowMs = Date.now();
    const batches = this.#batching.gather(records, nowMs);
    await this.#join(batches.map(({ log }) => log));
    const next = new Map<string, number>();
    const built = batches.map((batch) => this.#build(batch, next));
    for (const { log } of batches) this.#mayWrite(log);
    for (const [name, sequence] of next) this.#sequences.set(name, sequence);
    return { appended: this.#append(records, batches, built, nowMs, appending) };
  }

  /** The same for records that are a batch but for its header. */
  async #beginRun({ topic, run }: ProducerRun): Promise<Begun> {
    const nowMs = Date.now();
    const { bytes, count } = run;
    if (!this.takesRuns(topic, bytes.length)) {
      throw refusal('INVALID_RECORD', `Topic "${topic}" takes its records one by one; they were sent in a run.`);
    }
    const log = this.#batching.logOf(topic, 0);
    await this.#join([log]);
    const name = partitionName(log);
    const baseSequence = this.#sequences.get(name) ?? 0;
    const { producerId, producerEpoch } = this.#who;
    const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const span = { count, lastOffsetDelta: count - 1, baseTimestamp: nowMs, maxTimestamp: nowMs };
    writeBatchHeader(batch, span, { producerId, producerEpoch, baseSequence, isTransactional: true });
    this.#mayWrite(log);
    this.#sequences.set(name, (baseSequence + count) % sequences);
    const appended = new Promise<readonly RecordMetadata[]>((resolve, reject) => {
      const done = (error: unknown): void => {
        if (error === null) resolve([{ topic, partition: 0, offset: info.baseOffset, timestamp: nowMs }]);
        else reject(asLogError(error, 'The records were not all appended'));
      };
      const info = log.append(batch, { ...appending, isOwn: true }, done);
    });
    return { appended };
  }

  async #append(...appends: Parameters<typeof appendBatches>): Promise<readonly RecordMetadata[]> {
    const metadata = await appendBatches(...appends);
    this.#batching.reuse(appends[2]);
    return metadata;
  }

  /** Takes the batches' partitions into the transaction, where they are not in it yet. */
  async #join(logs: readonly PartitionLog[]): Promise<void> {
    const missing = new Map<string, TopicPartition>();
    for (const log of logs) {
      const name = partitionName(log);
      if (!this.#partitions.has(name)) missing.set(name, { topic: log.topic, partition: log.partition });
    }
    if (missing.size === 0) return;
    const add = () =>
      new Promise<ErrorName>((resolve) => {
        this.#broker.transactions.addPartitionsAtOnce(this.#who, [...missing.values()], resolve);
      });
    await whileBusy(`Opening a transaction of "${this.#who.transactionalId}"`, add, (error) => error);
    for (const [name, partition] of missing) this.#partitions.set(name, partition);
  }

  #build(batch: Batch, next: Map<string, number>): Buffer {
    const name = partitionName(batch.log);
    const baseSequence = next.get(name) ?? this.#sequences.get(name) ?? 0;
    const { producerId, producerEpoch } = this.#who;
    const stamp = { ...this.#packing, producerId, producerEpoch, baseSequence, isTransactional: true };
    const built = buildBatch(batch, stamp);
    next.set(name, (baseSequence + batch.indexes.length) % sequences);
    return built;
  }

  /** The transaction may have been aborted, and this producer fenced, since its partitions joined it. */
  #mayWrite({ topic, partition }: TopicPartition): void {
    const error = this.#broker.transactions.judgeWrite(this.#who, topic, partition);
    if (error !== 'NONE') throw refused(error, `Writing to ${topic}-${partition}`, this.#who.transactionalId);
  }

  async #end(isCommit: boolean, records: CommittedRecords | null = null): Promise<void> {
    this.#refusal = null;
    if (this.#partitions.size === 0) return;
    const { transactionalId } = this.#who;
    const end = () =>
      new Promise<ProducerAnswer>((resolve) => {
        if (records !== null) this.#broker.transactions.commitWith(this.#who, records, resolve);
        else this.#broker.transactions.endTransaction(this.#who, isCommit, 2, resolve);
      });
    const doing = `${isCommit ? 'Committing' : 'Aborting'} a transaction of "${transactionalId}"`;
    const { producerId, producerEpoch } = await whileBusy(doing, end, ({ error }) => error);
    // KIP-890: every end brings the next epoch, in which sequences count from 0.
    this.#who = { transactionalId, producerId, producerEpoch };
    this.#partitions.clear();
    this.#sequences.clear();
  }

  /** A log knows only epochs; that one is over means that somebody has this id now. */
  #asFenced(error: unknown): unknown {
    if (errorNameOf(error) !== 'INVALID_PRODUCER_EPOCH') return error;
    return refused('PRODUCER_FENCED', 'Writing', this.#who.transactionalId);
  }
}

/** Asks again while the coordinator is at the end of the transaction before. Throws what it refuses. */
async function whileBusy<T>(doing: string, ask: () => Promise<T>, errorOf: (answer: T) => ErrorName): Promise<T> {
  const deadline = Date.now() + busyDeadlineMs;
  for (;;) {
    const answer = await ask();
    const error = errorOf(answer);
    if (error === 'NONE') return answer;
    if (error !== 'CONCURRENT_TRANSACTIONS' || Date.now() > deadline) throw refused(error, doing, null);
    await sleep(busyWaitMs);
  }
}

function closed(): InProcessLogError {
  return refusal('NETWORK_EXCEPTION', 'The producer is closed.');
}

function refused(error: ErrorName, doing: string, transactionalId: string | null): InProcessLogError {
  if (error !== 'PRODUCER_FENCED' && error !== 'INVALID_PRODUCER_EPOCH') return refusal(error, `${doing}: ${error}.`);
  const whose = transactionalId === null ? 'this transactional id' : `"${transactionalId}"`;
  const message = `${doing} is refused: another producer has taken ${whose} over. Nothing more can be written here.`;
  return new InProcessLogError('PRODUCER_FENCED', message, { retriable: false });
}
