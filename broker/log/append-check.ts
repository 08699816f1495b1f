/**
 * What a batch must be before it gets an offset, in Kafka's order and with Kafka's errors (ProduceRequest,
 * UnifiedLog.analyzeAndValidateRecords, LogValidator). Kafka opens every batch. Here uncompressed ones are looked
 * through, which takes some 20 ns a record; compressed ones are opened only where the header contradicts itself, the topic
 * needs it (keys, timestamps, another codec) or `log.validate.compressed` asks for it: what is judged else is their header.
 * What a producer of this very process has just built is opened only for what no builder knows (keys, early timestamps).
 */
import { decompress } from '../protocol/compression.ts';
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import { scanRecords, type TimestampSpan } from '../protocol/record-scan.ts';
import { forEachRecord } from '../protocol/records.ts';
import { type LogConfig, never } from './config.ts';
import { LogError, type RecordProblem } from './errors.ts';
import type { AppendOptions } from './types.ts';

const noTimestamp = -1;

/** Throws {@link LogError} when `batch` is not exactly one acceptable record batch. */
export function checkAppend(
  batch: Buffer,
  config: LogConfig,
  { origin, hasHoles = false, isOwn = false }: AppendOptions,
  name: string,
  nowMs: number,
): void {
  checkIsOneBatch(batch, name);
  if (origin === 'client') checkSize(batch, config, name);
  const problem = isOwn ? null : batches.checkBatch(batch);
  if (problem !== null) {
    throw new LogError(problem.error, `A batch for ${name} cannot be taken: ${problem.reason}. Send it again.`);
  }
  const count = batches.recordCount(batch);
  if (!hasHoles && (count === 0 || batches.lastOffsetDelta(batch) !== count - 1)) {
    throw new LogError(
      'INVALID_RECORD',
      `A batch for ${name} says it has ${count} records up to offset delta ${batches.lastOffsetDelta(batch)}.`,
    );
  }
  if (origin !== 'client') return;
  checkClientFields(batch, name);
  if (!hasHoles) checkRecords(batch, config, isOwn, name, nowMs);
  // What was taken out said nothing of the rest's times; its maximum was written anew with the batch.
  else if (config.messageTimestampType === 'CreateTime') checkTimestamps(batch, config, name, nowMs);
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
 * The largest timestamp in a header decides how long a segment is kept, so one that is not true is corrected, as Kafka
 * corrects it; records that are not what the header says are refused.
 */
function checkRecords(batch: Buffer, config: LogConfig, isOwn: boolean, name: string, nowMs: number): void {
  const isCreateTime = config.messageTimestampType === 'CreateTime';
  const earliest = nowMs - config.messageTimestampBeforeMaxMs;
  const latest = nowMs + config.messageTimestampAfterMaxMs;
  // What we built says its largest timestamp truly; the smallest only its records know.
  const isOpened = isOwn
    ? isCreateTime && config.messageTimestampBeforeMaxMs < never
    : batches.codecOf(batch) === 'none' || mustOpen(batch, config, isCreateTime ? latest : null);
  const { smallestTimestamp, largestTimestamp } = isOpened ? scan(batch, name) : headerSpan(batch);
  if (!isCreateTime) return;
  if (largestTimestamp !== batches.maxTimestamp(batch)) batches.setMaxTimestamp(batch, largestTimestamp);
  if (largestTimestamp > latest || smallestTimestamp < earliest) refuseTimestamps(batch, earliest, latest, name);
}

/** For batches with holes, whose records are read one by one. */
function checkTimestamps(batch: Buffer, config: LogConfig, name: string, nowMs: number): void {
  const earliest = nowMs - config.messageTimestampBeforeMaxMs;
  const latest = nowMs + config.messageTimestampAfterMaxMs;
  refuseTimestamps(batch, earliest, latest, name);
}

/** Whether a compressed batch is worth opening: its header contradicts itself, or somebody wants to know for sure. */
function mustOpen(batch: Buffer, config: LogConfig, latestAllowed: number | null): boolean {
  if (config.validateCompressed || config.compressionType !== 'producer') return true;
  if (latestAllowed === null) return false;
  // The header tells the first timestamp, not the smallest.
  if (config.messageTimestampBeforeMaxMs < never) return true;
  const first = batches.baseTimestamp(batch);
  const latest = batches.maxTimestamp(batch);
  return latest < first || latest > latestAllowed || (batches.recordCount(batch) === 1 && latest !== first);
}

function headerSpan(batch: Buffer): TimestampSpan {
  return { smallestTimestamp: batches.baseTimestamp(batch), largestTimestamp: batches.maxTimestamp(batch) };
}

function scan(batch: Buffer, name: string): TimestampSpan {
  const count = batches.recordCount(batch);
  const base = batches.baseTimestamp(batch);
  try {
    const codec = batches.codecOf(batch)!;
    if (codec === 'none') return scanRecords(batch, batches.batchHeaderBytes, count, base);
    return scanRecords(decompress(codec, batch.subarray(batches.batchHeaderBytes)), 0, count, base);
  } catch (cause) {
    throw unreadable(cause, name);
  }
}

/** Names each record that is too early or too late; those without a time are never either. */
function refuseTimestamps(batch: Buffer, earliest: number, latest: number, name: string): void {
  const problems: RecordProblem[] = [];
  eachRecord(batch, name, (timestamp, _key, index) => {
    if (timestamp === noTimestamp || (timestamp >= earliest && timestamp <= latest)) return;
    const message = `Timestamp ${timestamp} is not within ${earliest} and ${latest}, which the topic allows now.`;
    problems.push({ index, message });
  });
  if (problems.length === 0) return;
  throw new LogError(
    'INVALID_TIMESTAMP',
    `${problems.length} records for ${name} have a timestamp that is more than message.timestamp.after.max.ms ahead of ` +
      `our clock or more than message.timestamp.before.max.ms behind it; the first is record ${problems[0]!.index}: ` +
      problems[0]!.message,
    { records: problems },
  );
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
  try {
    // In a client's batch the offset is the place in the batch, with holes, too.
    forEachRecord(batch, 0, ({ timestamp, key, offset }) => visit(timestamp, key, offset));
  } catch (cause) {
    throw unreadable(cause, name);
  }
}

function unreadable(cause: unknown, name: string): unknown {
  if (!(cause instanceof ProtocolError)) return cause;
  return new LogError('INVALID_RECORD', `A batch for ${name} cannot be read: ${cause.message}`, { cause });
}
