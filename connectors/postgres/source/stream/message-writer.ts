/**
 * Makes records of logical decoding messages (`pg_logical_emit_message`) in Debezium's form: operation `m`, the prefix as the
 * key, no table. No I/O.
 */
import type { Schema, SourceOffset } from '../../../api/index.ts';
import { binaryText, type TypeModes } from '../../types/mapping.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { messageKeySchema, messageValueSchema } from '../tables/envelope-schema.ts';
import type { RecordBatch } from '../tables/record-batch.ts';
import { CONNECTOR_VERSION, nowMicros, originTail, type TransactionInfo } from '../tables/table-encoder.ts';

export interface LogicalMessage {
  readonly prefix: string;
  readonly content: Buffer;
  readonly lsn: number;
  readonly lastCommitLsn: number;
  /** Null where the message stands outside of any. */
  readonly transaction: TransactionInfo | null;
  readonly block: string | null;
  readonly offset: SourceOffset;
}

export class MessageWriter {
  readonly #topic: string;
  readonly #head: string;
  readonly #database: string;
  readonly #valueSchema: Schema;
  readonly #mode: TypeModes['binary'];

  constructor({ prefix, database, messages, types }: SourceSettings) {
    this.#valueSchema = messageValueSchema(types.binary !== 'bytes');
    this.#mode = types.binary;
    this.#topic = messages.topic;
    this.#head = `"version":"${CONNECTOR_VERSION}","connector":"postgresql","name":${JSON.stringify(prefix)}`;
    this.#database = JSON.stringify(database.database);
  }

  write(batch: RecordBatch, message: LogicalMessage): void {
    const prefix = JSON.stringify(message.prefix);
    const content = binaryText(message.content, this.#mode);
    const source = this.#source(message);
    const body = `"source":${source}${message.block},"message":{"prefix":${prefix},"content":"${content}"}`;
    const value = Buffer.from(`{"op":"m","ts_ms":${Date.now()},${body}}`);
    const key = Buffer.from(`{"prefix":${prefix}}`);
    batch.add(this.#topic, messageKeySchema, key, this.#valueSchema, value, message.offset);
  }

  #source({ transaction, lastCommitLsn, lsn }: LogicalMessage): string {
    const micros = transaction?.commitMicros ?? nowMicros();
    const last = transaction === null ? lastCommitLsn : transaction.lastCommitLsn;
    const sequence = `[${last === null ? 'null' : `\\"${last}\\"`},\\"${lsn}\\"]`;
    const times = `"snapshot":"false","db":${this.#database},"sequence":"${sequence}","ts_us":${micros},"ts_ns":${micros}000`;
    const ids = `"txId":${transaction?.xid ?? null},"lsn":${lsn}${originTail(transaction ?? {})}`;
    return `{${this.#head},"ts_ms":${Math.floor(micros / 1000)},${times},"schema":"","table":"",${ids}`;
  }
}
