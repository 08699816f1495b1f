/** Records as kafkajs reads them, in the port's form. */
import type { KafkaMessage } from 'kafkajs';
import type { ConsumerRecord } from './client.ts';

export function consumerRecord(topic: string, partition: number, message: KafkaMessage): ConsumerRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key ?? null,
    value: message.value ?? null,
    headers: message.headers === undefined ? [] : headersOf(message.headers),
  };
}

/** kafkajs groups headers of one name; their order among each other is kept, that between names is lost. */
function headersOf(headers: NonNullable<KafkaMessage['headers']>): ConsumerRecord['headers'] {
  return Object.entries(headers).flatMap(([key, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => ({
      key,
      value: value == null ? null : Buffer.isBuffer(value) ? value : Buffer.from(value),
    })),
  );
}
