/**
 * From an MQTT message to a source record: routing, key, value, headers. Pure; throws DataError for a message that
 * cannot become a record. Step 1 of the record's journey.
 */
import { isUtf8 } from 'node:buffer';
import type { IPublishPacket } from 'mqtt';
import {
  type ConnectValue,
  type Header,
  JsonText,
  type RecordValue,
  type Schema,
  Schemas,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
} from '../api/index.ts';
import type { Delivery } from './ack-line.ts';
import type { MqttSettings } from './config.ts';
import { badPayload, unmatchedTopic } from './errors.ts';
import { type Redeliveries, SessionOffset } from './redeliveries.ts';
import { type Rule, topicName } from './rules.ts';
import type { SparkplugItem, SparkplugReader } from './sparkplug/reader.ts';

/** A message as it came. */
export interface Arrival {
  readonly delivery: Delivery;
  readonly packet: IPublishPacket;
  /** Milliseconds since the epoch; becomes the record's timestamp. */
  readonly receivedAt: number;
}

/** What is the same for all messages on one MQTT topic. */
interface Route {
  readonly levels: readonly string[];
  readonly rule: Rule | null;
  /** Null where the payload decides. */
  readonly topic: string | null;
  readonly key: string | null;
  readonly headers: readonly (readonly Header[])[];
}

/** Routes remembered; a fleet has one or a few MQTT topics per device. Forgotten all at once when exceeded. */
const routesMax = 65_536;

/** What of the task concerns its offsets and what it remembers of earlier messages. */
export interface RecordMemory {
  /** Null: nobody recognises a message that comes again. */
  readonly redeliveries: Redeliveries | null;
  readonly sparkplug: SparkplugReader | null;
}

const noMemory: RecordMemory = { redeliveries: null, sparkplug: null };

export class RecordMaker {
  readonly sourcePartition: SourcePartition;
  readonly #sourceOffset: SourceOffset;
  readonly #settings: MqttSettings;
  readonly #memory: RecordMemory;
  readonly #routes = new Map<string, Route>();

  constructor(settings: MqttSettings, memory: RecordMemory = noMemory) {
    this.#settings = settings;
    this.#memory = memory;
    this.sourcePartition = { 'mqtt.client.id': settings.clientId };
    // The broker keeps the place; what we must remember is which session and subscriptions are ours.
    this.#sourceOffset = { filters: settings.filters, tasks: settings.tasks };
  }

  /** Adds a message's records: one, or as many as a Sparkplug message has metrics. Answers how many; 0 when it is ignored. */
  add(arrival: Arrival, into: SourceRecord[]): number {
    const before = into.length;
    if (this.#memory.sparkplug !== null) this.#addSparkplug(arrival, this.#memory.sparkplug, into);
    else {
      const record = this.record(arrival);
      if (record !== null) into.push(record);
    }
    return into.length - before;
  }

  /** The record of a message that is none of Sparkplug's, or null when it is to be ignored. */
  record(arrival: Arrival): SourceRecord | null {
    const { topic, payload } = arrival.delivery;
    const route = this.#route(topic);
    if (route.rule === null) return this.#unmatched(topic);
    const { schema, value } = this.#value(topic, payload);
    const fields = (): ConnectValue => parsed(topic, payload, value);
    const key = route.rule.key?.needsValue === true ? route.rule.key.render(route.levels, topic, fields) : route.key;
    return {
      sourcePartition: this.sourcePartition,
      sourceOffset: this.#offsetOf(arrival),
      topic: route.topic ?? topicName(route.rule.topic.render(route.levels, topic, fields)),
      partition: null,
      keySchema: key === null ? null : Schemas.string,
      key,
      valueSchema: schema,
      value,
      headers: headersOf(route, arrival.packet),
      timestamp: arrival.receivedAt,
    };
  }

  #unmatched(topic: string): null {
    if (this.#settings.unmatched === 'ignore') return null;
    throw unmatchedTopic(topic);
  }

  #offsetOf({ delivery: { serial } }: Arrival): SourceOffset {
    const { redeliveries } = this.#memory;
    if (serial === 0 || redeliveries === null) return this.#sourceOffset;
    return new SessionOffset(this.#sourceOffset, redeliveries, serial);
  }

  #addSparkplug(arrival: Arrival, sparkplug: SparkplugReader, into: SourceRecord[]): void {
    const { topic, payload } = arrival.delivery;
    const route = this.#route(topic);
    if (route.rule === null) {
      this.#unmatched(topic);
      return;
    }
    const { birthsTopic } = this.#settings.sparkplug!;
    for (const item of sparkplug.items(topic, payload, arrival.packet.dup)) {
      const record = this.#sparkplugRecord(route, route.rule, arrival, item);
      into.push(record);
      if (item.isBirth && birthsTopic !== null) into.push({ ...record, topic: birthsTopic });
    }
  }

  #sparkplugRecord(
    route: Route,
    rule: Rule,
    { delivery, packet, receivedAt }: Arrival,
    item: SparkplugItem,
  ): SourceRecord {
    const { levels } = route;
    const fields = (): ConnectValue => item.value;
    const key = rule.isKeyDefault ? item.id : (rule.key?.render(levels, delivery.topic, fields) ?? null);
    return {
      sourcePartition: item.sourcePartition,
      sourceOffset: item.sourceOffset,
      topic: route.topic ?? topicName(rule.topic.render(levels, delivery.topic, fields)),
      partition: null,
      keySchema: key === null ? null : Schemas.string,
      key,
      valueSchema: null,
      value: item.value,
      headers: headersOf(route, packet),
      timestamp: receivedAt,
    };
  }

  #value(topic: string, payload: Buffer): { schema: Schema | null; value: RecordValue } {
    switch (this.#settings.format) {
      case 'bytes':
        return { schema: Schemas.bytes, value: payload };
      case 'string':
        if (!isUtf8(payload)) throw badPayload(topic, 'is not UTF-8, as value.format=string asks');
        return { schema: Schemas.string, value: payload.toString() };
      case 'json': {
        const value = new JsonText(payload);
        parsed(topic, payload, value);
        return { schema: null, value };
      }
      case 'sparkplug':
        throw badPayload(topic, 'is read as Sparkplug B by a task, not one by one');
    }
  }

  #route(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const levels = topic.split('/');
    const rule = this.#settings.rules.find((candidate) => candidate.matches(levels)) ?? null;
    const noValue = (): ConnectValue => null;
    const route: Route = {
      levels,
      rule,
      topic: rule === null || rule.topic.needsValue ? null : topicName(rule.topic.render(levels, topic, noValue)),
      key: rule === null || rule.key === null || rule.key.needsValue ? null : rule.key.render(levels, topic, noValue),
      headers: headerSets(topic),
    };
    if (this.#routes.size >= routesMax) this.#routes.clear();
    this.#routes.set(topic, route);
    return route;
  }
}

/** Parses once: JsonText remembers, so a transform or schema check after us pays nothing. */
function parsed(topic: string, payload: Buffer, value: RecordValue): ConnectValue {
  try {
    if (!isUtf8(payload)) throw new SyntaxError('it is not UTF-8');
    return value instanceof JsonText ? value.parse() : new JsonText(payload).parse();
  } catch (error) {
    throw badPayload(topic, `is not JSON: ${(error as Error).message}`, error);
  }
}

function header(key: string, value: string | number | boolean | Uint8Array, schema: Schema): Header {
  return { key, value, schema };
}

/** All combinations of QoS (2 bits), retain and duplicate, made once per topic: headers cost nothing per message. */
function headerSets(topic: string): Header[][] {
  return Array.from({ length: 16 }, (_, flags) => [
    header('mqtt.topic', topic, Schemas.string),
    header('mqtt.qos', flags & 3, Schemas.int32),
    header('mqtt.retained', (flags & 4) !== 0, Schemas.boolean),
    header('mqtt.duplicate', (flags & 8) !== 0, Schemas.boolean),
  ]);
}

function headersOf(route: Route, packet: IPublishPacket): readonly Header[] {
  const set = route.headers[packet.qos | (packet.retain ? 4 : 0) | (packet.dup ? 8 : 0)]!;
  return packet.properties === undefined ? set : [...set, ...propertyHeaders(packet.properties)];
}

/** MQTT 5: user properties keep name and order, repeated ones stay repeated; the standard ones get a prefix. */
function propertyHeaders(properties: NonNullable<IPublishPacket['properties']>): Header[] {
  const headers: Header[] = [];
  for (const [name, values] of Object.entries(properties.userProperties ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) headers.push(header(name, value, Schemas.string));
  }
  const { contentType, responseTopic, correlationData, messageExpiryInterval } = properties;
  if (contentType !== undefined) headers.push(header('mqtt.content.type', contentType, Schemas.string));
  if (responseTopic !== undefined) headers.push(header('mqtt.response.topic', responseTopic, Schemas.string));
  if (correlationData !== undefined) headers.push(header('mqtt.correlation.data', correlationData, Schemas.bytes));
  if (messageExpiryInterval !== undefined) {
    headers.push(header('mqtt.message.expiry.s', messageExpiryInterval, Schemas.int64));
  }
  return headers;
}
