/**
 * What the broker asks of whoever knows schemas, and what a topic wants of it. The broker itself knows none: `cli/up.ts`
 * hands it the registry's. Step 5 of the record's journey, for topics that ask for it; the others pay nothing.
 */
import type { BatchRecordHeader } from '../protocol/record-cursor.ts';

export type Side = 'key' | 'value';
export type SubjectNameStrategy = 'topic' | 'record' | 'topic-record';

/** A topic's wish, from its configs `schema.validation*`. */
export interface TopicValidation {
  readonly sides: readonly Side[];
  readonly strategy: SubjectNameStrategy;
  /** What bytes without a schema id are judged by: nothing (they are refused), or the subject's latest version. */
  readonly unframed: 'refuse' | 'latest';
  /** Where records that do not fit go; null: the producer gets its batch back. */
  readonly deadLetterTopic: string | null;
}

/** Why a record does not fit. */
export interface RecordFault {
  /** A sentence for the producer. */
  readonly message: string;
  /** Where the schema's own rules want such a record; null: where the topic says, or back to the producer. */
  readonly deadLetterTopic: string | null;
  /** Nobody can say yet; the producer tries again. */
  readonly isTemporary?: boolean;
}

/** The port. Called for each record, synchronously: offsets are given in the order of arrival. */
export interface SchemaCheck {
  /** What is wrong with the bytes; null when they fit. `client` is the producer's client id. Must not throw. */
  problem(
    topic: string,
    side: Side,
    bytes: Buffer,
    headers: readonly BatchRecordHeader[],
    wish: TopicValidation,
    client: string,
  ): RecordFault | null;
}

/** What a topic's own configs ask for; names of ours, because Kafka has none, and Confluent's two switches. */
export function topicValidation(value: (name: string) => string): TopicValidation | null {
  const sides = value('schema.validation')
    .split(',')
    .map((side) => side.trim())
    .filter((side): side is Side => side === 'key' || side === 'value');
  const wanted = new Set<Side>(sides);
  if (value('confluent.key.schema.validation') === 'true') wanted.add('key');
  if (value('confluent.value.schema.validation') === 'true') wanted.add('value');
  if (wanted.size === 0) return null;
  const deadLetterTopic = value('schema.validation.dead.letter.topic');
  return {
    sides: [...wanted],
    strategy: (value('schema.validation.subject.name.strategy') || 'topic') as SubjectNameStrategy,
    unframed: (value('schema.validation.unframed') || 'refuse') as 'refuse' | 'latest',
    deadLetterTopic: deadLetterTopic === '' ? null : deadLetterTopic,
  };
}
