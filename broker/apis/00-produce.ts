/**
 * Produce (key 0): record batches in, offsets out. Step 5 of the record's journey.
 *
 * v3 record batches of format 2 (KIP-98) · v5 log start offset · v7 zstd · v8 record errors · v10 current leader (never
 * set: there is one node) · v12 transactions of KIP-890 · v13 topic ids (KIP-516). Versions 0 to 2 are advertised as
 * Kafka 4 does, because librdkafka up to 2.11 does not compress without them, and refused when used.
 *
 * acks=-1 answers after the fdatasync, acks=1 and 0 after the write; acks=0 has no answer, and an error closes the
 * connection. `timeoutMs` bounds the wait for the disk (produce-deadlines.ts). Each partition has its own result. Records are a view of the request and are never copied. Batches inside
 * a transaction pass by its coordinator first (produce-transaction.ts).
 */
import { BrokerError, errorNameOf } from '../errors.ts';
import type { LogError } from '../log/errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { AppendInfo, AppendOptions } from '../log/types.ts';
import type { Topic } from '../metadata/topics.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeProduceRequest,
  type PartitionProduceData,
  type ProduceRequest,
  type TopicProduceData,
} from '../protocol/messages/generated/produce-request.ts';
import { encodeProduceResponse, type ProduceResponse } from '../protocol/messages/generated/produce-response.ts';
import { batchHeaderBytes, codecOf, isTransactional } from '../protocol/record-batch.ts';
import type { Outgoing } from '../protocol/writer.ts';
import { type Answer, type Call, ConnectionRefused, defineApi, noAnswer } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import type { DeadLetters } from '../validation/record-validation.ts';
import { mustBeAllowed } from './authorize.ts';
import { ProduceTransaction } from './produce-transaction.ts';

const topicIdsFromVersion = 13;
const zstdFromVersion = 7;

/** One partition's part of the answer; filled in when its append is done. */
interface PartitionResult {
  /** Where its batch waits for the disk; null before and after. */
  waitsIn: PartitionLog | null;
  lastOffset: number;
  readonly index: number;
  errorCode: number;
  baseOffset: number;
  logAppendTimeMs: number;
  logStartOffset: number;
  recordErrors: { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[];
  errorMessage: string | null;
}

export const produce = defineApi({
  decode: decodeProduceRequest,
  encode: encodeProduceResponse,
  handle: (request, call, broker) =>
    new Promise<Answer<Outgoing<ProduceResponse>>>((resolve, reject) => {
      const answer = new ProduceAnswer(request, (response, firstError) => {
        broker.produceDeadlines.remove(answer);
        if (request.acks !== 0) resolve(response);
        else if (firstError === null) resolve(noAnswer);
        else reject(new ConnectionRefused(`a produce with acks=0 failed, and has no other answer. ${firstError}`));
      });
      if (request.acks === -1) broker.produceDeadlines.add(answer, request.timeoutMs);
      const transaction = new ProduceTransaction(broker, request.transactionalId, call.apiVersion);
      const appending = { broker, call, apiVersion: call.apiVersion, answer, transaction };
      for (const topicData of request.topicData) appendTopic(appending, topicData);
      transaction.begin();
      answer.allBegun();
    }),
});

/** One request on its way into the logs. */
interface Appending {
  readonly broker: BrokerState;
  readonly call: Call;
  readonly apiVersion: number;
  readonly answer: ProduceAnswer;
  readonly transaction: ProduceTransaction;
}

type OnComplete = (response: Outgoing<ProduceResponse>, firstError: string | null) => void;

/** Gathers the results of one request's appends and answers when the last is known. */
class ProduceAnswer {
  readonly request: ProduceRequest;
  readonly options: AppendOptions;
  readonly #responses: { name: string; topicId: string; partitionResponses: PartitionResult[] }[] = [];
  readonly #onComplete: OnComplete;
  /** One for the request itself, until all appends have begun. */
  #pending = 1;
  #deferred = 0;
  #isExpired = false;
  #firstError: string | null = null;

  constructor(request: ProduceRequest, onComplete: OnComplete) {
    this.request = request;
    this.#onComplete = onComplete;
    this.options = { acks: request.acks === -1 ? -1 : request.acks === 0 ? 0 : 1, origin: 'client' };
  }

  topic(data: TopicProduceData): PartitionResult[] {
    const partitionResponses: PartitionResult[] = [];
    this.#responses.push({ name: data.name, topicId: data.topicId, partitionResponses });
    return partitionResponses;
  }

  begun(): void {
    this.#pending++;
  }

  /** One more that waits for its transaction's coordinator; `admitted` ends that. */
  deferred(): void {
    this.#deferred++;
    this.#pending++;
  }

  admitted(): void {
    this.#deferred--;
    this.allBegun();
  }

  done(result: PartitionResult, error: LogError | null): void {
    if (this.#isExpired) return;
    result.waitsIn = null;
    if (error !== null) this.fail(result, error);
    this.allBegun();
  }

  /** Not while a batch is not in its file yet: its bytes are the request's, which ends with the answer. */
  expire(): boolean {
    const late = this.#responses.flatMap((topic) => topic.partitionResponses.filter(({ waitsIn }) => waitsIn !== null));
    const isWritten = late.every(({ waitsIn, lastOffset }) => waitsIn!.writtenEndOffset > lastOffset);
    if (!isWritten || this.#deferred > 0) return false;
    this.#isExpired = true;
    const message = `The disk did not take the records within ${this.request.timeoutMs} ms. They are appended; send them again to know.`;
    for (const result of late) this.fail(result, new BrokerError('REQUEST_TIMED_OUT', message));
    this.#pending = 1;
    this.allBegun();
    return true;
  }

  fail(result: PartitionResult, error: unknown): void {
    const message = (error as Error).message;
    result.errorCode = ErrorCode[errorNameOf(error)];
    result.errorMessage = message;
    result.baseOffset = -1;
    result.logStartOffset = -1;
    result.logAppendTimeMs = -1;
    const records = (error as Partial<LogError>).records ?? [];
    for (const { index, message } of records) {
      result.recordErrors.push({ batchIndex: index, batchIndexErrorMessage: message });
    }
    this.#firstError ??= message;
  }

  allBegun(): void {
    if (--this.#pending === 0) this.#onComplete({ responses: this.#responses }, this.#firstError);
  }
}

function appendTopic(appending: Appending, data: TopicProduceData): void {
  const { broker, call, apiVersion, answer } = appending;
  const results = answer.topic(data);
  const topic = apiVersion >= topicIdsFromVersion ? broker.topics.byId(data.topicId) : broker.topics.get(data.name);
  for (const partitionData of data.partitionData) {
    const result = newResult(partitionData.index);
    results.push(result);
    orFail(answer, result, () => {
      if (topic === undefined && apiVersion >= topicIdsFromVersion) throw unknownTopic(data, apiVersion);
      mustBeAllowed(broker, call, 'write', 'topic', topic?.name ?? data.name);
      if (topic === undefined) throw unknownTopic(data, apiVersion);
      appendPartition(appending, topic, partitionData, result);
    });
  }
}

/** A refusal is the partition's own; anything else is a defect. */
function orFail(answer: ProduceAnswer, result: PartitionResult, work: () => void): void {
  try {
    work();
  } catch (error) {
    const name = errorNameOf(error);
    if (name === 'UNKNOWN_SERVER_ERROR') throw error;
    answer.fail(result, error);
  }
}

function appendPartition(
  appending: Appending,
  topic: Topic,
  data: PartitionProduceData,
  result: PartitionResult,
): void {
  const { broker, call, apiVersion, answer, transaction } = appending;
  const { acks, transactionalId } = answer.request;
  if (acks !== -1 && acks !== 0 && acks !== 1) {
    throw new BrokerError('INVALID_REQUIRED_ACKS', `acks is ${acks}; it must be -1 (all), 0 or 1.`);
  }
  if (topic.isInternal) {
    throw new BrokerError('INVALID_TOPIC_EXCEPTION', `Topic ${topic.name} is internal; only the broker writes to it.`);
  }
  const batch = checkedRecords(data.records, apiVersion, `${topic.name}-${data.index}`);
  const log = broker.topics.logOf(topic, data.index);
  if (topic.validation !== null) {
    const client = call.clientId ?? '';
    const judged = broker.validation.judge(topic.validation, topic.name, data.index, batch, client);
    if (judged.dead.length > 0) {
      divert(appending, log, judged.batch, judged.dead, result);
      return;
    }
  }
  if (batch.length < batchHeaderBytes || !isTransactional(batch)) {
    append(log, batch, answer, answer.options, result);
    return;
  }
  if (transactionalId !== null) mustBeAllowed(broker, call, 'write', 'transactionalId', transactionalId);
  const options = { ...answer.options, transactionVersion: transaction.transactionVersion };
  const resume = (refusal: BrokerError | null): void => {
    if (refusal !== null) answer.fail(result, refusal);
    else orFail(answer, result, () => append(log, batch, answer, options, result));
    answer.admitted();
  };
  if (transaction.admits(batch, { topic: topic.name, partition: data.index }, resume)) {
    append(log, batch, answer, options, result);
  } else answer.deferred();
}

/** Appends what fits, and beside it the rest to dead-letter topics; all are awaited. Never part of a transaction. */
function divert(
  { broker, answer }: Appending,
  log: PartitionLog,
  batch: Buffer,
  dead: readonly DeadLetters[],
  result: PartitionResult,
): void {
  const targets = dead.map((letters) => broker.validation.deadLetterLog(broker.topics, letters, log.partition));
  const info = append(log, batch, answer, { ...answer.options, hasHoles: true }, result);
  // The producer repeats itself: the first time took care of them.
  if (info.isDuplicate) return;
  for (const [index, target] of targets.entries()) {
    target.append(dead[index]!.batch, answer.options, (error) => answer.done(result, error));
    answer.begun();
  }
}

function append(
  log: PartitionLog,
  batch: Buffer,
  answer: ProduceAnswer,
  options: AppendOptions,
  result: PartitionResult,
): AppendInfo {
  const info = log.append(batch, options, (error) => answer.done(result, error));
  answer.begun();
  result.waitsIn = log;
  result.lastOffset = log.logEndOffset - 1;
  result.baseOffset = info.baseOffset;
  result.logAppendTimeMs = info.logAppendTimeMs;
  result.logStartOffset = info.logStartOffset;
  return info;
}

function checkedRecords(records: Buffer | null, apiVersion: number, name: string): Buffer {
  if (records === null || records.length === 0) {
    throw new BrokerError('INVALID_RECORD', `No record batch was sent for ${name}; one a partition is expected.`);
  }
  if (records.length < batchHeaderBytes) return records;
  if (apiVersion < zstdFromVersion && codecOf(records) === 'zstd') {
    throw new BrokerError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `zstd needs Produce v${zstdFromVersion}; v${apiVersion} was used.`,
    );
  }
  return records;
}

function newResult(index: number): PartitionResult {
  return {
    waitsIn: null,
    lastOffset: -1,
    index,
    errorCode: 0,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
    errorMessage: null,
  };
}

function unknownTopic(data: TopicProduceData, apiVersion: number): BrokerError {
  return apiVersion >= topicIdsFromVersion
    ? new BrokerError('UNKNOWN_TOPIC_ID', `There is no topic with id ${data.topicId}.`)
    : new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${data.name}.`);
}
