/**
 * What the coordinator writes to `__transaction_state`, in Kafka's own record schemas, so that Kafka's tools read it.
 *
 *     key    int16 0, then TransactionLogKey
 *     value  int16 version (1, flexible, as Kafka writes it with transaction.version 2), then TransactionLogValue; null forgets
 */
import {
  decodeTransactionLogKey,
  encodeTransactionLogKey,
} from '../protocol/messages/generated/transaction-log-key.ts';
import {
  decodeTransactionLogValue,
  encodeTransactionLogValue,
} from '../protocol/messages/generated/transaction-log-value.ts';
import { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';
import {
  type AwaitedRecords,
  type Transaction,
  type TransactionState,
  transactionStates,
  type UnsyncedMarker,
} from './types.ts';

const keyVersion = 0;
const valueVersion = 1;
const stateNames = Object.keys(transactionStates) as TransactionState[];

export interface TransactionRecord {
  readonly key: Buffer;
  readonly value: Buffer | null;
  /** {@link Unsynced} in JSON; Kafka's tools pass over headers they do not know. */
  readonly headers: readonly { readonly key: string; readonly value: Buffer }[];
}

const awaitedHeader = 'millrace.awaited';
const unsyncedHeader = 'millrace.unsynced';

/** What may not be on disk when a record is: the records of its commit, and markers of commits before. */
export interface Unsynced {
  readonly awaited: readonly AwaitedRecords[];
  readonly markers: readonly UnsyncedMarker[];
}

const allSynced: Unsynced = { awaited: [], markers: [] };

export function transactionRecord(transaction: Transaction, { awaited, markers } = allSynced): TransactionRecord {
  const value = new Writer();
  value.int16(valueVersion);
  const fields = {
    producerId: transaction.producerId,
    previousProducerId: transaction.previousProducerId,
    nextProducerId: transaction.nextProducerId,
    producerEpoch: transaction.producerEpoch,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStatus: transactionStates[transaction.state],
    transactionPartitions: [...transaction.partitions].map(([topic, ids]) => ({ topic, partitionIds: [...ids] })),
    transactionLastUpdateTimestampMs: transaction.lastUpdateTimestamp,
    transactionStartTimestampMs: transaction.startTimestamp,
    clientTransactionVersion: transaction.clientTransactionVersion,
  };
  encodeTransactionLogValue(value, fields, valueVersion);
  const headers: { key: string; value: Buffer }[] = [];
  if (awaited.length > 0) headers.push({ key: awaitedHeader, value: Buffer.from(JSON.stringify(awaited)) });
  if (markers.length > 0) headers.push({ key: unsyncedHeader, value: Buffer.from(JSON.stringify(markers.map(plain))) });
  return { key: keyOf(transaction.transactionalId), value: value.toBuffer(), headers };
}

/** A marker as JSON has it. */
interface PlainMarker {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly partitions: readonly (readonly [string, readonly number[]])[];
}

function plain({ producerId, producerEpoch, partitions }: UnsyncedMarker): PlainMarker {
  return { producerId, producerEpoch, partitions: [...partitions].map(([topic, ids]) => [topic, [...ids]]) };
}

/** What may be missing though this record is there. */
export function unsyncedOf(headers: readonly { readonly key: string; readonly value: Buffer | null }[]): Unsynced {
  const parsed = (name: string): unknown => {
    const value = headers.find(({ key }) => key === name)?.value;
    return value == null ? [] : JSON.parse(value.toString());
  };
  const markers = (parsed(unsyncedHeader) as readonly PlainMarker[]).map(({ partitions, ...marker }) => {
    return { ...marker, partitions: new Map(partitions.map(([topic, ids]) => [topic, new Set(ids)])) };
  });
  return { awaited: parsed(awaitedHeader) as readonly AwaitedRecords[], markers };
}

export function transactionTombstone(transactionalId: string): TransactionRecord {
  return { key: keyOf(transactionalId), value: null, headers: [] };
}

function keyOf(transactionalId: string): Buffer {
  const key = new Writer();
  key.int16(keyVersion);
  encodeTransactionLogKey(key, { transactionalId }, keyVersion);
  return key.toBuffer();
}

/** A record as replayed: the id, and what it is now or null. Null for a kind of record that is not known here. */
export function decodeTransaction(
  key: Buffer,
  value: Buffer | null,
): { readonly transactionalId: string; readonly transaction: Transaction | null } | null {
  const keyReader = new Reader(key);
  if (keyReader.int16() !== keyVersion) return null;
  const { transactionalId } = decodeTransactionLogKey(keyReader, keyVersion);
  if (value === null) return { transactionalId, transaction: null };
  const reader = new Reader(value);
  const fields = decodeTransactionLogValue(reader, reader.int16());
  const state = stateNames[fields.transactionStatus];
  // Dead and PrepareEpochFence, 6 and 7, are never written.
  if (state === undefined) throw new Error(`A transaction cannot have state ${fields.transactionStatus} on disk.`);
  const partitions = new Map(
    (fields.transactionPartitions ?? []).map(({ topic, partitionIds }) => [topic, new Set(partitionIds)]),
  );
  const transaction: Transaction = {
    transactionalId,
    producerId: fields.producerId,
    previousProducerId: fields.previousProducerId,
    nextProducerId: fields.nextProducerId,
    producerEpoch: fields.producerEpoch,
    lastProducerEpoch: -1,
    timeoutMs: fields.transactionTimeoutMs,
    state,
    partitions,
    startTimestamp: fields.transactionStartTimestampMs,
    lastUpdateTimestamp: fields.transactionLastUpdateTimestampMs,
    clientTransactionVersion: fields.clientTransactionVersion >= 2 ? 2 : 0,
  };
  return { transactionalId, transaction };
}
