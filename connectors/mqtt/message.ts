/**
 * A record as an MQTT message: topic, payload and properties. Pure; step 10 of the record's journey.
 */
import type { IClientPublishOptions } from 'mqtt';
import { type Header, JsonText, plainValue, type SinkRecord, stringifyJson } from '../api/index.ts';
import { badMessage } from './errors.ts';
import type { MqttSinkSettings } from './sink-config.ts';

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly options: IClientPublishOptions;
}

/** MQTT 5, 1.5.4: a string has its length in two bytes. */
const TOPIC_BYTES_MAX = 65_535;
/** Wildcards, and what ends a string elsewhere (MQTT 5, 4.7.1 and 1.5.4). */
const forbidden = ['+', '#', '\0'];
/** What the source tells of a message, which is no property of the next one. */
const notForwarded = new Set(['mqtt.topic', 'mqtt.qos', 'mqtt.retained', 'mqtt.duplicate']);

/** The message of a record for a connection of this MQTT version; null where a tombstone means nothing. */
export function toMessage(settings: MqttSinkSettings, record: SinkRecord, version: 4 | 5): Message | null {
  const isTombstone = record.value === null;
  if (isTombstone && settings.onTombstone === 'ignore') return null;
  if (isTombstone && settings.onTombstone === 'fail') throw badMessage(placeOf(record), 'it is a tombstone');
  const options: IClientPublishOptions = { qos: settings.qos, retain: settings.retain || isTombstone };
  if (version === 5) options.properties = propertiesOf(settings, record);
  return { topic: topicOf(settings, record), payload: isTombstone ? Buffer.alloc(0) : payloadOf(record), options };
}

function topicOf(settings: MqttSinkSettings, record: SinkRecord): string {
  const topic = settings.topic.render(record);
  const isWrong =
    topic === '' || forbidden.some((letter) => topic.includes(letter)) || Buffer.byteLength(topic) > TOPIC_BYTES_MAX;
  if (isWrong)
    throw badMessage(
      placeOf(record),
      `"${topic.slice(0, 100)}" is no MQTT topic (empty, too long, or with +, # or NUL)`,
    );
  return topic;
}

function payloadOf(record: SinkRecord): Buffer {
  const { value } = record;
  if (typeof value === 'string') return Buffer.from(value);
  const bytes = value instanceof JsonText ? value.bytes : value;
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Buffer.from(stringifyJson(value));
}

function propertiesOf({ headers, expiryS }: MqttSinkSettings, record: SinkRecord) {
  const properties: NonNullable<IClientPublishOptions['properties']> = {};
  if (expiryS !== null) properties.messageExpiryInterval = expiryS;
  if (!headers) return properties;
  const user: Record<string, string | string[]> = {};
  for (const header of record.headers) {
    if (notForwarded.has(header.key)) continue;
    const text = textOf(header);
    if (header.key === 'mqtt.content.type') properties.contentType = text;
    else if (header.key === 'mqtt.response.topic') properties.responseTopic = text;
    else if (header.key === 'mqtt.correlation.data') properties.correlationData = Buffer.from(text);
    else if (header.key === 'mqtt.message.expiry.s') properties.messageExpiryInterval = Number(text);
    else user[header.key] = user[header.key] === undefined ? text : [user[header.key]!, text].flat();
  }
  if (Object.keys(user).length > 0) properties.userProperties = user;
  return properties;
}

function textOf({ value }: Header): string {
  const plain = plainValue(value);
  if (typeof plain === 'string') return plain;
  return plain instanceof Uint8Array ? Buffer.from(plain).toString() : stringifyJson(plain);
}

function placeOf({ originalTopic, originalPartition, offset }: SinkRecord): string {
  return `${originalTopic}-${originalPartition} offset ${offset}`;
}
