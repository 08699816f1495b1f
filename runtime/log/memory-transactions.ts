/**
 * Transactions of the in-memory log: who has a transactional id, and which records are not true yet or never will be.
 *
 * The rules of KIP-98 without its messages: one producer an id, the newest; what the one before left open is aborted.
 */
import {
  type ConsumerRecord,
  LogError,
  type ProducerRecord,
  type RecordMetadata,
  type TransactionalProducer,
} from './client.ts';
import type { MemoryLog } from './memory.ts';
import type { Partitioner } from './partitioner.ts';

interface Transaction {
  outcome: 'open' | 'committed' | 'aborted';
}

export class MemoryTransactions {
  readonly #owners = new Map<string, MemoryTransactionalProducer>();
  /** Only records of transactions are here; the others were always true. */
  readonly #of = new WeakMap<ConsumerRecord, Transaction>();

  open(log: MemoryLog, transactionalId: string, partitioner: Partitioner): TransactionalProducer {
    this.#owners.get(transactionalId)?.takenOver();
    const producer = new MemoryTransactionalProducer(log, transactionalId, partitioner);
    this.#owners.set(transactionalId, producer);
    return producer;
  }

  owns(transactionalId: string, producer: MemoryTransactionalProducer): boolean {
    return this.#owners.get(transactionalId) === producer;
  }

  note(record: ConsumerRecord, transaction: Transaction): void {
    this.#of.set(record, transaction);
  }

  outcomeOf(record: ConsumerRecord): Transaction['outcome'] {
    return this.#of.get(record)?.outcome ?? 'committed';
  }
}

class MemoryTransactionalProducer implements TransactionalProducer {
  readonly #log: MemoryLog;
  readonly #transactionalId: string;
  readonly #partitioner: Partitioner;
  #transaction: Transaction | null = null;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(log: MemoryLog, transactionalId: string, partitioner: Partitioner) {
    this.#log = log;
    this.#transactionalId = transactionalId;
    this.#partitioner = partitioner;
  }

  takenOver(): void {
    this.#settle('aborted');
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    const turn = this.#previous.then(async () => {
      await this.#log.options.beforeAppend?.(records);
      this.#mustOwn();
      this.#transaction ??= { outcome: 'open' };
      return this.#log.append(records, this.#partitioner, this.#transaction);
    });
    this.#previous = turn.catch(() => {});
    return turn;
  }

  async commit(): Promise<void> {
    await this.#previous;
    await this.#log.options.beforeCommit?.(this.#transactionalId);
    this.#mustOwn();
    this.#settle('committed');
  }

  async abort(): Promise<void> {
    await this.#previous;
    this.#mustOwn();
    this.#settle('aborted');
  }

  async close(): Promise<void> {
    await this.#previous;
  }

  #settle(outcome: 'committed' | 'aborted'): void {
    if (this.#transaction === null) return;
    this.#transaction.outcome = outcome;
    this.#transaction = null;
    this.#log.changed();
  }

  #mustOwn(): void {
    if (this.#log.transactions.owns(this.#transactionalId, this)) return;
    const message = `Another producer has taken "${this.#transactionalId}" over. Nothing more can be written here.`;
    throw new LogError('PRODUCER_FENCED', message, { retriable: false });
  }
}
