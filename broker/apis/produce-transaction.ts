/**
 * A produce request inside a transaction: which of its batches may be written now, and which only when the coordinator
 * has taken their partitions into the transaction (KIP-890). Every transactional batch passes here: none is ever written
 * into a partition that its transaction does not hold, so none can hang.
 */
import { BrokerError } from '../errors.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { producerEpoch, producerId } from '../protocol/record-batch.ts';
import type { BrokerState } from '../state.ts';
import type { ProducerIdentity, TopicPartition } from '../transactions/types.ts';
import { type TransactionalSupport, toldToWriter, transactionalSupport } from './transactional-write.ts';

const versions = { adds: 12, knowsAbortable: 11 };

/** Partitions of one producer that wait to be added, with what to do then. */
interface Waiting {
  readonly who: ProducerIdentity;
  readonly partitions: TopicPartition[];
  readonly resume: ((refusal: BrokerError | null) => void)[];
}

export class ProduceTransaction {
  readonly #broker: BrokerState;
  readonly #transactionalId: string | null;
  readonly #support: TransactionalSupport;
  readonly #waiting = new Map<string, Waiting>();

  constructor(broker: BrokerState, transactionalId: string | null, apiVersion: number) {
    this.#broker = broker;
    this.#transactionalId = transactionalId;
    this.#support = transactionalSupport(apiVersion, versions);
  }

  /** Batches of KIP-890 are judged more strictly by the log. */
  get transactionVersion(): 1 | 2 {
    return this.#support === 'adds' ? 2 : 1;
  }

  /** True: write now. False: wait for `resume`, called after `begin`. Throws what the client is told. */
  admits(batch: Buffer, partition: TopicPartition, resume: (refusal: BrokerError | null) => void): boolean {
    const transactionalId = this.#transactionalId;
    if (transactionalId === null) {
      throw new BrokerError(
        'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
        `A transactional batch was sent for ${partition.topic}-${partition.partition} without a transactional id.`,
      );
    }
    const who = { transactionalId, producerId: producerId(batch), producerEpoch: producerEpoch(batch) };
    const judged = this.#broker.transactions.judgeWrite(who, partition.topic, partition.partition);
    if (judged === 'NONE') return true;
    if (this.#support !== 'adds') throw this.#refusal(judged, who, partition);
    const key = `${who.producerId}/${who.producerEpoch}`;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, { who, partitions: [partition], resume: [resume] });
    else {
      waiting.partitions.push(partition);
      waiting.resume.push(resume);
    }
    return false;
  }

  /** Asks the coordinator for what waits. Call once, when all batches were looked at. */
  begin(): void {
    for (const { who, partitions, resume } of this.#waiting.values()) {
      this.#broker.transactions.addPartitions(who, partitions, 2, (error) => {
        for (const [index, call] of resume.entries()) {
          call(error === 'NONE' ? null : this.#refusal(error, who, partitions[index]!));
        }
      });
    }
  }

  #refusal(error: ErrorName, who: ProducerIdentity, { topic, partition }: TopicPartition): BrokerError {
    return new BrokerError(
      toldToWriter(error, this.#support),
      `Producer ${who.producerId} (epoch ${who.producerEpoch}) of ${who.transactionalId} cannot write to ` +
        `${topic}-${partition} in a transaction: ${error}.`,
    );
  }
}
