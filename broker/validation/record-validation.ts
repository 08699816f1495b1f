/**
 * Judges a producer's batch before it gets an offset: all of it fits, or it is refused with the reason of each record,
 * or the records that do not fit go to a dead-letter topic and the rest stays. Step 5 of the record's journey.
 *
 * What stays keeps its offsets and sequence, as after compaction: a record that is gone leaves a hole, so that an
 * idempotent producer's count stays right.
 */
import { BrokerError } from '../errors.ts';
import { cleanBatch } from '../log/clean-batch.ts';
import { LogError, type RecordProblem } from '../log/errors.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { Topics } from '../metadata/topics.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { checkBatch, isTransactional } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import { BatchBuilder } from '../protocol/records.ts';
import type { SchemaCheck, TopicValidation } from './schema-check.ts';

/** Records that did not fit, with the reason of each in its headers. */
export interface DeadLetters {
  readonly topic: string;
  readonly batch: Buffer;
}

/** What may be appended (with `hasHoles`, where some were taken out), and what goes to dead-letter topics beside it. */
export interface Judged {
  readonly batch: Buffer;
  readonly dead: readonly DeadLetters[];
}

/** A record that does not fit, and where it goes; null: back to the producer, with its whole batch. */
interface Fault extends RecordProblem {
  readonly deadLetterTopic: string | null;
  readonly isTemporary: boolean;
}

export class RecordValidation {
  #check: SchemaCheck | null = null;

  /** Called once, when the registry has read its log. */
  use(check: SchemaCheck): void {
    this.#check = check;
  }

  /**
   * Throws LogError INVALID_RECORD with the records at fault, or BrokerError LEADER_NOT_AVAILABLE (the client tries
   * again) while nobody can judge. A batch that is not whole is passed on: the log says what is wrong with it.
   */
  judge(wish: TopicValidation, topic: string, partition: number, batch: Buffer, client: string): Judged {
    if (this.#check === null) {
      throw new BrokerError(
        'LEADER_NOT_AVAILABLE',
        `Topic ${topic} wants its records checked, and the schema registry is not there (yet).`,
      );
    }
    const faults = this.#faults(this.#check, wish, topic, batch, client);
    const temporary = faults.find(({ isTemporary }) => isTemporary);
    if (temporary !== undefined) throw new BrokerError('LEADER_NOT_AVAILABLE', temporary.message);
    // What is wrong with a batch that is not whole, the log says; it looks at the checksum of those that fit anyway.
    if (faults.length === 0 || checkBatch(batch) !== null) return { batch, dead: [] };
    const isRefused = isTransactional(batch) || faults.some(({ deadLetterTopic }) => deadLetterTopic === null);
    if (isRefused) throw refusal(topic, partition, faults);
    const targets = new Set(faults.map(({ deadLetterTopic }) => deadLetterTopic!));
    return {
      batch: without(batch, new Set(faults.map(({ index }) => index))),
      dead: [...targets].map((target) => {
        const own = faults.filter(({ deadLetterTopic }) => deadLetterTopic === target);
        return { topic: target, batch: deadLetters(batch, own, topic, partition) };
      }),
    };
  }

  /** Where dead letters of a partition go. Throws INVALID_RECORD where their topic does not exist. */
  deadLetterLog(topics: Topics, { topic }: DeadLetters, partition: number): PartitionLog {
    const found = topics.get(topic);
    if (found !== undefined) return topics.logOf(found, partition % found.partitions);
    const advice = 'Create it, or name another (schema.validation.dead.letter.topic, dlq.topic of the rule).';
    throw new BrokerError('INVALID_RECORD', `Records that do not fit go to ${topic}, which does not exist. ${advice}`);
  }

  #faults(check: SchemaCheck, wish: TopicValidation, topic: string, batch: Buffer, client: string): Fault[] {
    const faults: Fault[] = [];
    try {
      const records = new RecordCursor(batch);
      for (let index = 0; records.next(); index++) {
        for (const side of wish.sides) {
          const bytes = side === 'key' ? records.key() : records.value();
          // A tombstone and a record without a key have nothing to check.
          const fault = bytes === null ? null : check.problem(topic, side, bytes, records.headers(), wish, client);
          if (fault === null) continue;
          const deadLetterTopic = fault.deadLetterTopic ?? wish.deadLetterTopic;
          faults.push({ index, message: fault.message, deadLetterTopic, isTemporary: fault.isTemporary === true });
          break;
        }
      }
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      if (checkBatch(batch) !== null) return [];
      throw new LogError('INVALID_RECORD', `A batch for ${topic} cannot be read: ${cause.message}`, { cause });
    }
    return faults;
  }
}

/** Reasons in the one sentence that clients without record errors show. */
const SHOWN_MAX = 3;

function refusal(topic: string, partition: number, problems: readonly RecordProblem[]): LogError {
  const shown = problems.slice(0, SHOWN_MAX).map(({ index, message }) => `record ${index}: ${message}`);
  const rest = problems.length - shown.length;
  const more = rest > 0 ? ` (and ${rest} more)` : '';
  return new LogError('INVALID_RECORD', `${topic}-${partition} refuses the batch: ${shown.join(' ')}${more}`, {
    records: problems.map(({ index, message }) => ({ index, message })),
  });
}

function without(batch: Buffer, bad: ReadonlySet<number>): Buffer {
  let index = -1;
  const rules = {
    dropsRecords: false,
    keepsHeader: true,
    isMarkerOfNothing: false,
    deleteHorizonMs: -1,
    keeps: () => !bad.has(++index),
  };
  return cleanBatch(batch, rules)!;
}

/** The bad records as they came, with Kafka Connect's headers about the reason, so that one tool reads both. */
function deadLetters(batch: Buffer, problems: readonly RecordProblem[], topic: string, partition: number): Buffer {
  const messages = new Map(problems.map(({ index, message }) => [index, message]));
  const builder = new BatchBuilder();
  const records = new RecordCursor(batch);
  for (let index = 0; records.next(); index++) {
    const message = messages.get(index);
    if (message === undefined) continue;
    const header = (key: string, text: string) => ({ key: `__connect.errors.${key}`, value: Buffer.from(text) });
    builder.append(records.timestamp, records.key(), records.value(), [
      ...records.headers(),
      header('topic', topic),
      header('partition', String(partition)),
      header('stage', 'BROKER_VALIDATION'),
      header('exception.class.name', 'INVALID_RECORD'),
      header('exception.message', message),
    ]);
  }
  return builder.build({});
}
