/**
 * The errors of this room. `code` is Kafka's error name, so that the Produce and Fetch handlers look up the number in
 * the protocol's table and never translate.
 */

export type LogErrorCode =
  | 'OFFSET_OUT_OF_RANGE'
  | 'CORRUPT_MESSAGE'
  | 'MESSAGE_TOO_LARGE'
  | 'INVALID_RECORD'
  | 'INVALID_TIMESTAMP'
  | 'UNSUPPORTED_FOR_MESSAGE_FORMAT'
  | 'INVALID_PRODUCER_EPOCH'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'DUPLICATE_SEQUENCE_NUMBER'
  | 'INVALID_TXN_STATE'
  | 'TRANSACTION_COORDINATOR_FENCED'
  | 'FENCED_LEADER_EPOCH'
  | 'UNKNOWN_LEADER_EPOCH'
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'POLICY_VIOLATION'
  | 'KAFKA_STORAGE_ERROR';

/** A log that refused or could not. `retriable`: the same call may succeed later. */
export class LogError extends Error {
  readonly code: LogErrorCode;
  readonly retriable: boolean;
  /** Which records of a refused batch are at fault, for Produce v8's record_errors; empty when it is the batch. */
  readonly records: readonly RecordProblem[];

  constructor(
    code: LogErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly records?: readonly RecordProblem[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LogError';
    this.code = code;
    this.retriable = code === 'KAFKA_STORAGE_ERROR' || code === 'CORRUPT_MESSAGE';
    this.records = options.records ?? [];
  }
}

export interface RecordProblem {
  /** The record's place in its batch, from 0. */
  readonly index: number;
  readonly message: string;
}

/** The data directory cannot be opened: another process holds it, or what it holds is not ours. `up` exits with 6 or 78. */
export class LogDirectoryError extends Error {
  readonly code: 'LOG_DIRECTORY_IN_USE' | 'LOG_DIRECTORY_INVALID';

  constructor(code: LogDirectoryError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LogDirectoryError';
    this.code = code;
  }
}
