/** Turns what kafkajs throws into the port's own error. */
import { LogError } from './client.ts';

interface KafkaJsError extends Error {
  readonly type?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly groups?: readonly { readonly error?: unknown }[];
}

/** kafkajs wraps: the innermost error with a Kafka name is the one that says something. */
export function asLogError(error: unknown, doing: string): LogError {
  if (error instanceof LogError) return error;
  const named = innermost(error as KafkaJsError);
  const code = named.type ?? 'NETWORK_EXCEPTION';
  const mayPass = isConnection(error as KafkaJsError) || PASSING.test(named.name);
  const retriable = named.type === undefined ? mayPass : named.retriable === true;
  return new LogError(code, `${doing} failed: ${named.message}`, { retriable, cause: error });
}

function innermost(error: KafkaJsError, depth = 0): KafkaJsError {
  const inner = error.cause ?? error.errors?.[0] ?? error.groups?.[0]?.error;
  return inner instanceof Error && depth < 5 ? innermost(inner as KafkaJsError, depth + 1) : error;
}

/** Of a broker that is starting: kafkajs calls a coordinator that it does not find yet final, and wraps it as such. */
const PASSING = /Connection|Timeout|Retries|Broker|Coordinator/;

/** Connection, timeout and retries-exceeded errors carry no Kafka name; all of them may pass. */
function isConnection(error: KafkaJsError): boolean {
  return error.retriable !== false || PASSING.test(error.name);
}

export async function withLogErrors<T>(doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asLogError(error, doing);
  }
}
