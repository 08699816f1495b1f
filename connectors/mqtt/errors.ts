/**
 * What can go wrong between us and an MQTT broker, one stable code each. The worker reads only the class (retriable,
 * bad record, configuration); people and docs/errors.md read the code and the sentence.
 */
import { ConfigError, ConnectError, DataError, RetriableError } from '../api/index.ts';

/** No broker of the list answered for `mqtt.offline.fail.s` seconds. */
export function mqttUnreachable(servers: readonly string[], seconds: number, cause: unknown): ConnectError {
  return new ConnectError(
    `No MQTT broker was reached at ${servers.join(', ')} for ${seconds} s: ${reason(cause)}. ` +
      'Start the broker or correct "mqtt.server.uri", then restart the task; with a persistent session nothing that was published meanwhile is lost.',
    { code: 'MQTT_UNREACHABLE', cause },
  );
}

/** The broker answered and said no: wrong password, forbidden client id, banned. */
export function mqttRefused(server: string, cause: unknown): ConnectError {
  return new ConnectError(
    `The MQTT broker ${server} refused the connection: ${reason(cause)}. ` +
      'Check "mqtt.username", "mqtt.password" and "mqtt.client.id" against the broker\'s access list.',
    { code: 'MQTT_REFUSED', cause },
  );
}

/** The broker does not let this client have one of its subscriptions. */
export function mqttSubscribeRefused(server: string, filter: string, cause: unknown): ConnectError {
  return new ConnectError(
    `The MQTT broker ${server} refused the subscription "${filter}": ${reason(cause)}. Allow it in the broker's access list or remove it from "mqtt.topics" and "mqtt.rules".`,
    { code: 'MQTT_SUBSCRIBE_REFUSED', cause },
  );
}

/** The sink's broker is away, or went away in the middle: the same records are sent again. */
export function mqttUnavailable(servers: readonly string[], cause: unknown): RetriableError {
  return new RetriableError(
    `No MQTT broker took our messages at ${servers.join(', ')}: ${reason(cause)}. The same records are sent again; start the broker or correct "mqtt.server.uri" if this goes on.`,
    { code: 'MQTT_UNAVAILABLE', cause },
  );
}

/** A record that can become no message, or that the broker refuses. */
export function badMessage(place: string, problem: string): DataError {
  return new DataError(`The record at ${place} was not published: ${problem}.`, { code: 'MQTT_BAD_RECORD' });
}

/** A payload that is not what `value.format` promises, or lacks what a template asks for. */
export function badPayload(topic: string, problem: string, cause?: unknown): DataError {
  return new DataError(`The MQTT message on "${topic}" ${problem}.`, { code: 'MQTT_BAD_PAYLOAD', cause });
}

/** A message whose topic no rule matches, where `mqtt.unmatched` does not say to ignore it. */
export function unmatchedTopic(topic: string): DataError {
  return new DataError(
    `No rule of "mqtt.rules" matches the MQTT topic "${topic}" and "kafka.topic" is not set. Add a rule, set "kafka.topic", or set "mqtt.unmatched" to "ignore".`,
    { code: 'MQTT_UNMATCHED_TOPIC' },
  );
}

/** A key of the configuration that cannot work; names the key. */
export function badMqttConfig(key: string, value: unknown, message: string): ConfigError {
  return new ConfigError([{ key, value, message }], { code: 'MQTT_BAD_CONFIG' });
}

/** The sentence inside whatever was thrown, without its final stop. AggregateError (several addresses) has none of its own. */
export function reason(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return reason(cause.errors[0]);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return text.replace(/\.$/, '');
}
