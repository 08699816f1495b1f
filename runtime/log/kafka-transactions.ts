/**
 * A transactional producer through kafkajs (KIP-98, without KIP-890's version 2): the keeper's own gathering of sends,
 * inside transactions.
 *
 * kafkajs does not ask again when the end of the transaction before is still on its way through the cluster; it counts
 * nothing of an append that failed, though the broker may have taken all or part of it, so that the numbers of every later
 * one are out of order; and it keeps a producer whose commit failed in a state that it never leaves. The first two are
 * mended here, the third is the port's rule.
 */
import type { Kafka, Producer, Transaction } from 'kafkajs';
import {
  LogError,
  type ProducerRecord,
  type RecordMetadata,
  type TransactionalProducer,
  type TransactionalProducerOptions,
} from './client.ts';
import { asLogError } from './kafka-errors.ts';
import { type AppendBatch, KafkaProducer } from './kafka-producer.ts';

const TIMEOUT_MS = 60_000;
/** Markers of a few partitions take milliseconds; a cluster that needs longer has other troubles. */
const BUSY_DEADLINE_MS = 15_000;
const BUSY_WAIT_MS = 20;
/** What kafkajs calls the error by which a broker says that the id has a newer owner. */
const fencing: ReadonlySet<string> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
]);

export async function openKafkaTransactions(
  kafka: Kafka,
  options: TransactionalProducerOptions,
  partitionsOf: (topic: string) => Promise<number>,
): Promise<TransactionalProducer> {
  return new KafkaTransactions(kafka, await begun(kafka, options), options, partitionsOf);
}

interface Begun {
  readonly producer: Producer;
  /** Begun with kafkajs, which tells the cluster only when something is sent. */
  readonly transaction: Transaction;
}

/** Takes the id over: whoever had it is fenced, what he left open is aborted, and numbers begin anew. */
async function begun(kafka: Kafka, options: TransactionalProducerOptions): Promise<Begun> {
  const { transactionalId, timeoutMs = TIMEOUT_MS } = options;
  const producer = kafka.producer({
    transactionalId,
    transactionTimeout: timeoutMs,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  try {
    await producer.connect();
    return { producer, transaction: await producer.transaction() };
  } catch (error) {
    await producer.disconnect().catch(() => {});
    throw asFenced(asLogError(error, `Taking over transactional id "${transactionalId}"`), transactionalId);
  }
}

class KafkaTransactions implements TransactionalProducer {
  readonly #kafka: Kafka;
  readonly #options: TransactionalProducerOptions;
  #producer: Producer;
  readonly #transactionalId: string;
  readonly #appends: KafkaProducer;
  readonly #pending = new Set<Promise<unknown>>();
  #current: Transaction | null;
  #hasSent = false;
  /** An append failed: kafkajs and the broker may count differently from here on. */
  #isMiscounted = false;

  constructor(
    kafka: Kafka,
    first: Begun,
    options: TransactionalProducerOptions,
    partitionsOf: (topic: string) => Promise<number>,
  ) {
    this.#kafka = kafka;
    this.#options = options;
    this.#producer = first.producer;
    this.#transactionalId = options.transactionalId;
    this.#current = first.transaction;
    const append: AppendBatch = (batch) => this.#append(batch);
    const close = () => this.#producer.disconnect();
    const overrides = { ...options.overrides, acks: 'all' };
    this.#appends = new KafkaProducer({ append, close }, { ...options, overrides }, partitionsOf);
  }

  async send(records: readonly ProducerRecord[]): Promise<readonly RecordMetadata[]> {
    if (records.length === 0) return [];
    const sent = this.#appends.send(records);
    this.#pending.add(sent);
    try {
      return await sent;
    } catch (error) {
      throw asFenced(error, this.#transactionalId);
    } finally {
      this.#pending.delete(sent);
    }
  }

  async commit(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#end('commit');
  }

  async abort(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#end('abort');
  }

  async close(): Promise<void> {
    await this.#appends.close();
  }

  async #append(batch: Parameters<AppendBatch>[0]): ReturnType<AppendBatch> {
    this.#current ??= await this.#producer.transaction();
    this.#hasSent = true;
    const deadline = Date.now() + BUSY_DEADLINE_MS;
    for (;;) {
      try {
        return await this.#current.sendBatch(batch);
      } catch (error) {
        const refused = asLogError(error, 'An append');
        if (refused.code !== 'CONCURRENT_TRANSACTIONS' || Date.now() > deadline) {
          this.#isMiscounted = true;
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
      }
    }
  }

  async #end(how: 'commit' | 'abort'): Promise<void> {
    const current = this.#current;
    if (current === null || !this.#hasSent) return;
    this.#current = null;
    this.#hasSent = false;
    try {
      await current[how]();
      // Only behind an end that the broker took from us: who was fenced must not take the id back.
      if (this.#isMiscounted) await this.#renew();
    } catch (error) {
      const doing = `${how === 'commit' ? 'Committing' : 'Aborting'} a transaction of "${this.#transactionalId}"`;
      throw asFenced(asLogError(error, doing), this.#transactionalId);
    }
  }

  async #renew(): Promise<void> {
    const before = this.#producer;
    const { producer, transaction } = await begun(this.#kafka, this.#options);
    this.#producer = producer;
    this.#current = transaction;
    this.#isMiscounted = false;
    await before.disconnect().catch(() => {});
  }
}

function asFenced(error: unknown, transactionalId: string): unknown {
  if (!(error instanceof LogError) || !fencing.has(error.code)) return error;
  const message = `Another producer has taken "${transactionalId}" over. Nothing more can be written here.`;
  return new LogError('PRODUCER_FENCED', message, { retriable: false, cause: error });
}
