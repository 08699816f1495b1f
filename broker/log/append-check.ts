/**
 * What a batch must be before it gets an offset, in Kafka's order and with Kafka's errors (ProduceRequest,
 * UnifiedLog.analyzeAndValidateRecords, LogValidator). Only the header and the CRC are looked at: records stay opaque
 * (except where a compacted topic needs their keys), so the timestamps judged are the header's; Kafka opens every batch.
 */
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import { forEachRecord } from '../protocol/records.ts';
import type { LogConfig } from './config.ts';
import { LogError, type RecordProblem } from './errors.ts';
import type { AppendOrigin } from './types.ts';

const noTimestamp = -1;

/** Throws {@link LogError} when `batch` is not exactly one acceptable record batch. */
export function checkAppend(batch: Buffer, config: LogConfig, origin: AppendOrigin, name: string, nowMs: number): void {
  checkIsOneBatch(batch, name);
  if (origin === 'client') checkSize(batch, config, name);
  const problem = batches.checkBatch(batch);
  if (problem !== null) {
    throw new LogError(problem.error, `A batch for ${name} cannot be taken: ${problem.reason}. Send it again.`);
  }
  const count = batches.recordCount(batch);
  if (count === 0 || batches.lastOffsetDelta(batch) !== count - 1) {
    throw new LogError(
      'INVALID_RECORD',
      `A batch for ${name} says it has ${count} records up to offset delta ${batches.lastOffsetDelta(batch)}.`,
    );
  }
  if (origin !== 'client') return;
  checkClientFields(batch, name);
  if (config.messageTimestampType === 'CreateTime') correctMaxTimestamp(batch, name);
  if (config.messageTimestampType === 'CreateTime') checkTimestamps(batch, config, name, nowMs);
  if (config.cleanupPolicy.includes('compact')) checkKeys(batch, name);
}

function checkIsOneBatch(batch: Buffer, name: string): void {
  if (batch.length < batches.batchHeaderBytes) {
    throw new LogError(
      'CORRUPT_MESSAGE',
      `A batch for ${name} has ${batch.length} bytes; a record batch header alone has ${batches.batchHeaderBytes}.`,
    );
  }
  if (batches.magic(batch) !== batches.batchMagic) {
    throw new LogError(
      'INVALID_RECORD',
      `A batch for ${name} has format version ${batches.magic(batch)}; only version 2 (clients from Kafka 0.11 on) is taken.`,
    );
  }
  const bytes = batches.batchBytes(batch);
  if (bytes >= batches.batchHeaderBytes && bytes < batch.length) {
    throw new LogError(
      'INVALID_RECORD',
      `More than one batch was sent for ${name} in one request; send one a partition.`,
    );
  }
}

function checkSize(batch: Buffer, config: LogConfig, name: string): void {
  if (batches.baseOffset(batch) !== 0) {
    throw new LogError(
      'INVALID_RECORD',
      `A batch for ${name} has base offset ${batches.baseOffset(batch)}; a producer must leave it 0.`,
    );
  }
  if (batch.length > config.maxMessageBytes) {
    throw new LogError(
      'MESSAGE_TOO_LARGE',
      `A batch of ${batch.length} bytes for ${name} is larger than max.message.bytes (${config.maxMessageBytes}). ` +
        'Raise the topic config or lower batch.size of the producer.',
    );
  }
}

function checkClientFields(batch: Buffer, name: string): void {
  if (batches.isControl(batch)) {
    throw new LogError('INVALID_RECORD', `A client sent a control batch for ${name}; only the broker writes those.`);
  }
  if (batches.producerId(batch) >= 0 && batches.baseSequence(batch) < 0) {
    throw new LogError(
      'INVALID_RECORD',
      `A batch for ${name} has a producer id but sequence ${batches.baseSequence(batch)}.`,
    );
  }
  if (batches.isLogAppendTime(batch)) {
    throw new LogError(
      'INVALID_TIMESTAMP',
      `A client sent a batch for ${name} with log-append time; only the broker sets that.`,
    );
  }
}

/**
 * The largest timestamp in a header decides how long a segment is kept, so one that cannot be true is corrected, as Kafka
 * corrects it. Kafka opens every batch to know; here a batch is opened when its header contradicts itself: the largest
 * is below the first, or one record has two.
 */
function correctMaxTimestamp(batch: Buffer, name: string): void {
  const first = batches.baseTimestamp(batch);
  const latest = batches.maxTimestamp(batch);
  if (latest >= first && (batches.recordCount(batch) > 1 || latest === first)) return;
  let largest = noTimestamp;
  eachRecord(batch, name, (timestamp) => {
    largest = Math.max(largest, timestamp);
  });
  if (largest !== latest) batches.setMaxTimestamp(batch, largest);
}

function checkTimestamps(batch: Buffer, config: LogConfig, name: string, nowMs: number): void {
  const latest = batches.maxTimestamp(batch);
  if (latest !== noTimestamp && latest > nowMs + config.messageTimestampAfterMaxMs) {
    throw new LogError(
      'INVALID_TIMESTAMP',
      `A batch for ${name} has timestamp ${latest}, more than message.timestamp.after.max.ms ahead of our clock (${nowMs}).`,
    );
  }
  const earliest = batches.baseTimestamp(batch);
  if (earliest !== noTimestamp && earliest < nowMs - config.messageTimestampBeforeMaxMs) {
    throw new LogError(
      'INVALID_TIMESTAMP',
      `A batch for ${name} has timestamp ${earliest}, more than message.timestamp.before.max.ms behind our clock (${nowMs}).`,
    );
  }
}

/** Compaction keeps the last record of a key, so a record without one would stay for ever. */
function checkKeys(batch: Buffer, name: string): void {
  const problems: RecordProblem[] = [];
  eachRecord(batch, name, (_timestamp, key, index) => {
    if (key === null) problems.push({ index, message: 'Compacted topics cannot take records without a key.' });
  });
  if (problems.length === 0) return;
  throw new LogError('INVALID_RECORD', `${problems.length} records for the compacted topic of ${name} have no key.`, {
    records: problems,
  });
}

function eachRecord(
  batch: Buffer,
  name: string,
  visit: (timestamp: number, key: Buffer | null, index: number) => void,
): void {
  let index = 0;
  try {
    forEachRecord(batch, 0, ({ timestamp, key }) => visit(timestamp, key, index++));
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new LogError('INVALID_RECORD', `A batch for ${name} cannot be read: ${cause.message}`, { cause });
  }
}
