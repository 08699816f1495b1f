/**
 * What the loops are told about the clients of one connector: the worker's settings (`producer.`), then the connector's
 * own (`producer.override.`), parsed. What the log itself obeys (acks, compression, fetch sizes) goes on to its keeper as
 * written; the rest is obeyed here, so that it holds whatever the log is.
 */
import { type Config, ConnectError, parseConfig } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import { backoffMs, delay } from './backoff.ts';
import { type ClientKind, clientKeys } from './client-keys.ts';
import { type Raw, under } from './plan.ts';

/** As written, the connector's own before the worker's. */
export function overridesOf(workerKeys: Raw, settings: Config, client: ClientKind): Raw {
  return { ...under(workerKeys, `${client}.`), ...under(settings.raw, `${client}.override.`) };
}

function parsed(workerKeys: Raw, settings: Config, client: ClientKind): Config {
  return parseConfig(clientKeys[client].applied, overridesOf(workerKeys, settings, client)).config;
}

export interface ProducerSettings {
  readonly clientId: string | null;
  /** For the log's keeper. */
  readonly overrides: Raw;
  readonly retries: AppendRetries;
  /** Bytes under way before the source waits; null: the delivery's own bound. */
  readonly bufferBytes: number | null;
  readonly recordBytesMax: number | null;
  readonly transactionTimeoutMs: number | null;
}

export function producerSettings(workerKeys: Raw, settings: Config): ProducerSettings {
  const config = parsed(workerKeys, settings, 'producer');
  return {
    clientId: config.optionalString('client.id'),
    overrides: overridesOf(workerKeys, settings, 'producer'),
    retries: new AppendRetries(config),
    bufferBytes: config.optionalNumber('buffer.memory'),
    recordBytesMax: config.optionalNumber('max.request.size'),
    transactionTimeoutMs: config.optionalNumber('transaction.timeout.ms'),
  };
}

export const consumerSettings = (workerKeys: Raw, settings: Config): Config => parsed(workerKeys, settings, 'consumer');

/** How long creating a topic may take, ms. */
export function adminTimeoutMs(workerKeys: Raw, settings: Config): number {
  return parsed(workerKeys, settings, 'admin').number('default.api.timeout.ms');
}

/** Shared by tasks' producers, stateless: how often and how long an append that may succeed later is tried again. */
export class AppendRetries {
  readonly #max: number;
  readonly #timeoutMs: number;
  readonly #firstMs: number | undefined;
  readonly #longestMs: number | null;

  constructor(config: Config) {
    // Kafka Connect's own producers never give up either (delivery.timeout.ms is 2^31-1 there).
    this.#max = config.optionalNumber('retries') ?? Number.POSITIVE_INFINITY;
    this.#timeoutMs = config.optionalNumber('delivery.timeout.ms') ?? Number.POSITIVE_INFINITY;
    this.#firstMs = config.optionalNumber('retry.backoff.ms') ?? undefined;
    this.#longestMs = config.optionalNumber('retry.backoff.max.ms');
  }

  /**
   * Waits for the next try; `attempt` counts from 0, `since` is when the first one failed (ms, `performance.now()`).
   * Rejects with what the task must fail with when there is to be none. Ends early with the signal.
   */
  async wait(error: Error, attempt: number, since: number, maxDelayMs: number, signal: AbortSignal): Promise<void> {
    const pause = backoffMs(attempt, this.#longestMs ?? maxDelayMs, this.#firstMs);
    const spentMs = performance.now() - since;
    if (attempt >= this.#max) throw givenUp(`after ${attempt} retries (producer setting retries)`, error);
    if (spentMs + pause > this.#timeoutMs) {
      throw givenUp(`after ${Math.round(spentMs)} ms (producer setting delivery.timeout.ms)`, error);
    }
    await delay(pause, signal);
  }
}

function givenUp(when: string, cause: Error): ConnectError {
  const message = `The log did not take an append, which was given up ${when}: ${messageOf(cause)}`;
  return new ConnectError(message, { code: 'DELIVERY_TIMED_OUT', cause });
}
