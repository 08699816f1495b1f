/**
 * Writes records to several topics at once: all of them or none, whatever happens in between. What `dlq replay` needs.
 *
 * Kafka's first transaction protocol (KIP-98): partitions are announced, batches carry the producer's id and sequence,
 * and EndTxn decides. Beginning anew under the same id aborts what a killed predecessor left open.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, errorName, isRetriable } from '../../broker/protocol/error-codes.ts';
import { encodeAddPartitionsToTxnRequest } from '../../broker/protocol/messages/generated/add-partitions-to-txn-request.ts';
import { decodeAddPartitionsToTxnResponse } from '../../broker/protocol/messages/generated/add-partitions-to-txn-response.ts';
import { encodeEndTxnRequest } from '../../broker/protocol/messages/generated/end-txn-request.ts';
import { decodeEndTxnResponse } from '../../broker/protocol/messages/generated/end-txn-response.ts';
import { encodeFindCoordinatorRequest } from '../../broker/protocol/messages/generated/find-coordinator-request.ts';
import { decodeFindCoordinatorResponse } from '../../broker/protocol/messages/generated/find-coordinator-response.ts';
import { encodeInitProducerIdRequest } from '../../broker/protocol/messages/generated/init-producer-id-request.ts';
import { decodeInitProducerIdResponse } from '../../broker/protocol/messages/generated/init-producer-id-response.ts';
import { partitionForKey } from '../../broker/protocol/partitioner.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import { CliError } from '../errors.ts';
import type { CliRecord } from '../record-json.ts';
import { produce } from './calls.ts';
import { type Cluster, check, type TopicMetadata } from './cluster.ts';

const findCoordinator = {
  api: 'findCoordinator',
  maxVersion: 3,
  encode: encodeFindCoordinatorRequest,
  decode: decodeFindCoordinatorResponse,
} as const;
const initProducerId = {
  api: 'initProducerId',
  maxVersion: 4,
  encode: encodeInitProducerIdRequest,
  decode: decodeInitProducerIdResponse,
} as const;
const addPartitionsToTxn = {
  api: 'addPartitionsToTxn',
  maxVersion: 3,
  encode: encodeAddPartitionsToTxnRequest,
  decode: decodeAddPartitionsToTxnResponse,
} as const;
const endTxn = { api: 'endTxn', maxVersion: 4, encode: encodeEndTxnRequest, decode: decodeEndTxnResponse } as const;
/** From version 12 on Produce announces its partitions itself (KIP-890); here they are announced before. */
const produceInTransaction = { ...produce, maxVersion: 11 } as const;

/** Kafka's FindCoordinator key type of transactions. */
const TRANSACTION = 1;
const TRANSACTION_TIMEOUT_MS = 60_000;
const PRODUCE_TIMEOUT_MS = 30_000;
const RETRIES_MAX = 100;
const RETRY_WAIT_MS = 100;

export interface TargetedRecord extends CliRecord {
  readonly topic: string;
  /** Null: by the key, as Kafka does; the first where there is no key. */
  readonly partition: number | null;
}

export class TransactionalWriter {
  readonly #cluster: Cluster;
  readonly #id: string;
  readonly #producer: { readonly producerId: number; readonly producerEpoch: number };
  readonly #coordinator: number;
  readonly #topics = new Map<string, TopicMetadata>();
  /** The next sequence number of each partition. */
  readonly #sequences = new Map<string, number>();

  private constructor(
    cluster: Cluster,
    id: string,
    coordinator: number,
    producer: { readonly producerId: number; readonly producerEpoch: number },
  ) {
    this.#cluster = cluster;
    this.#id = id;
    this.#coordinator = coordinator;
    this.#producer = producer;
  }

  /** Begins under an id; an earlier writer of that id can write no more, and what it left open is aborted. */
  static async open(cluster: Cluster, id: string): Promise<TransactionalWriter> {
    const coordinator = await again(async () => {
      const connection = await cluster.any();
      const answer = await connection.request(findCoordinator, { key: id, keyType: TRANSACTION });
      return { code: answer.errorCode, value: answer.nodeId };
    }, 'Finding the coordinator of transactions');
    await cluster.metadata([]);
    const producer = await again(async () => {
      const connection = await cluster.node(coordinator);
      const answer = await connection.request(initProducerId, {
        transactionalId: id,
        transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
        producerId: -1,
        producerEpoch: -1,
      });
      return { code: answer.errorCode, value: answer };
    }, `Beginning under the transactional id ${id}`);
    const { producerId, producerEpoch } = producer;
    return new TransactionalWriter(cluster, id, coordinator, { producerId, producerEpoch });
  }

  /** Writes all records in one transaction. Rejects when none of them is there. */
  async write(records: readonly TargetedRecord[]): Promise<void> {
    const batches = await this.#batches(records);
    await this.#announce(batches);
    for (const [topic, builders] of batches) {
      for (const [partition, builder] of builders) await this.#send(topic, partition, builder);
    }
    await again(async () => {
      const connection = await this.#cluster.node(this.#coordinator);
      const answer = await connection.request(endTxn, {
        transactionalId: this.#id,
        ...this.#producer,
        committed: true,
      });
      return { code: answer.errorCode, value: undefined };
    }, 'Committing the transaction');
  }

  async #batches(records: readonly TargetedRecord[]): Promise<Map<string, Map<number, BatchBuilder>>> {
    const batches = new Map<string, Map<number, BatchBuilder>>();
    for (const { topic, partition, key, value, headers, timestamp } of records) {
      const metadata = this.#topics.get(topic) ?? (await this.#cluster.topic(topic));
      this.#topics.set(topic, metadata);
      const count = metadata.partitions.length;
      const target = partition ?? (key === null ? 0 : partitionForKey(key, count));
      const builders = batches.get(topic) ?? new Map<number, BatchBuilder>();
      batches.set(topic, builders);
      const builder = builders.get(target) ?? new BatchBuilder();
      builders.set(target, builder);
      builder.append(timestamp ?? Date.now(), key, value, headers);
    }
    return batches;
  }

  async #announce(batches: ReadonlyMap<string, ReadonlyMap<number, BatchBuilder>>): Promise<void> {
    const topics = [...batches].map(([name, builders]) => ({ name, partitions: [...builders.keys()] }));
    await again(async () => {
      const connection = await this.#cluster.node(this.#coordinator);
      const answer = await connection.request(addPartitionsToTxn, {
        v3AndBelowTransactionalId: this.#id,
        v3AndBelowProducerId: this.#producer.producerId,
        v3AndBelowProducerEpoch: this.#producer.producerEpoch,
        v3AndBelowTopics: topics,
      });
      const codes = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
        resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
      );
      // One refusal makes the others "not attempted".
      const refused = codes.filter((code) => code !== 0);
      const code = refused.find((each) => each !== ErrorCode.OPERATION_NOT_ATTEMPTED) ?? refused[0] ?? 0;
      return { code, value: undefined };
    }, 'Adding partitions to the transaction');
  }

  async #send(topic: string, partition: number, builder: BatchBuilder): Promise<void> {
    const place = `${topic}-${partition}`;
    const baseSequence = this.#sequences.get(place) ?? 0;
    this.#sequences.set(place, baseSequence + builder.count);
    const records = builder.build({ ...this.#producer, baseSequence, isTransactional: true });
    await again(async () => {
      const metadata = this.#topics.get(topic)!;
      const leader = metadata.partitions.find((each) => each.partition === partition)?.leader ?? -1;
      const connection = await this.#cluster.node(leader);
      const answer = await connection.request(produceInTransaction, {
        transactionalId: this.#id,
        acks: -1,
        timeoutMs: PRODUCE_TIMEOUT_MS,
        topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
      });
      const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? 0;
      // The first try was heard, its answer was not.
      return { code: code === ErrorCode.DUPLICATE_SEQUENCE_NUMBER ? 0 : code, value: undefined };
    }, `Writing to partition ${place}`);
  }
}

/** Tries again while the cluster says "later"; a writer that was replaced is told so. */
async function again<T>(work: () => Promise<{ readonly code: number; readonly value: T }>, what: string): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const { code, value } = await work();
    if (code === 0) return value;
    if (code === ErrorCode.PRODUCER_FENCED || code === ErrorCode.INVALID_PRODUCER_EPOCH) {
      throw new CliError('CONFLICT', `${what}: another replay of the same topic has begun, so this one ended.`, {
        next: 'Look at what is left with: millrace dlq ls',
      });
    }
    const isLater = isRetriable(code) || code === ErrorCode.CONCURRENT_TRANSACTIONS;
    if (!isLater || attempt === RETRIES_MAX) check(code, what, errorName(code));
    await sleep(RETRY_WAIT_MS);
  }
}
