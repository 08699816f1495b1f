/** A compacted topic followed over kafkajs, in a group of its own that commits nothing and so leaves nothing behind. */
import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { type ConsumerRecord, type LogClient, LogError, type LogTable, type TopicPartition } from './client.ts';
import { withLogErrors } from './kafka-errors.ts';
import { consumerRecord } from './kafka-records.ts';

/** Reading a table to its end at start; a topic of a million configs does not take that long. */
const READ_DEADLINE_MS = 60_000;

export async function openKafkaTable(
  kafka: Kafka,
  log: LogClient,
  topic: string,
  onRecord: (record: ConsumerRecord) => void,
): Promise<LogTable> {
  const consumer = kafka.consumer({ groupId: `millrace-table-${randomUUID()}`, maxWaitTimeInMs: 100 });
  const positions = new Map<number, number>();
  const waiters = new Set<() => void>();
  await withLogErrors(
    `Following topic "${topic}"`,
    (async () => {
      // A batch of nothing but transaction markers is handed to nobody, and is the end of the topic all the same.
      consumer.on('consumer.end_batch_process', ({ payload }) => {
        positions.set(payload.partition, Number(payload.lastOffset) + 1);
        for (const wake of waiters) wake();
      });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) onRecord(consumerRecord(topic, batch.partition, message));
        },
      });
    })(),
  );
  return {
    readToEnd: () => readToEnd(log, topic, positions, waiters),
    close: async () => {
      await consumer.disconnect();
    },
  };
}

async function readToEnd(
  log: LogClient,
  topic: string,
  positions: ReadonlyMap<number, number>,
  waiters: Set<() => void>,
): Promise<void> {
  const [described] = await log.describeTopics([topic]);
  const partitions = Array.from(
    { length: described?.partitions ?? 0 },
    (_, partition): TopicPartition => ({ topic, partition }),
  );
  const ends = await Promise.all(partitions.map((partition) => log.offsets(partition)));
  const isRead = () =>
    ends.every(({ logStartOffset, logEndOffset }, partition) => {
      return logEndOffset === logStartOffset || (positions.get(partition) ?? 0) >= logEndOffset;
    });
  if (isRead()) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      waiters.delete(look);
      const message = `Topic "${topic}" could not be read to its end within ${READ_DEADLINE_MS} ms.`;
      reject(new LogError('REQUEST_TIMED_OUT', message, { retriable: true }));
    }, READ_DEADLINE_MS);
    const look = () => {
      if (!isRead()) return;
      clearTimeout(timer);
      waiters.delete(look);
      resolve();
    };
    waiters.add(look);
  });
}
