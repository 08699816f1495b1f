/**
 * The webhook source: a POST becomes a record and is answered once the record is durable. Step 1 of the record's
 * journey, and step 7: the answer is the acknowledgement.
 *
 * Whoever gets no 2xx answer sends again; a request named by an idempotency key is then taken once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type PreviewRequest,
  type RecordMetadata,
  type SourceConnector,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
  sampleTask,
} from '../api/index.ts';
import { type SourceSettings, sourceSettings } from './config.ts';
import { answer, type Listening, listen } from './listener.ts';
import { SeenKeys, type Taken } from './seen-keys.ts';
import { isAllowed, Refusal, readBody, toRecord } from './webhook.ts';

export class HttpSource implements SourceConnector {
  start(_context: ConnectorContext, config: Config): void {
    sourceSettings(config);
  }

  /** One port, one task. */
  taskConfigs(): readonly Record<string, string>[] {
    return [{}];
  }

  createTask(): HttpSourceTask {
    return new HttpSourceTask();
  }

  stop(): void {}

  /** Waits for requests and takes none: each is answered with 503, after which its sender sends it again. */
  sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    const { host, port, path } = sourceSettings(config);
    request.logger.warn({}, `Waiting for a POST to http://${host}:${port}${path}; it is answered with 503.`);
    return sampleTask(new HttpSourceTask(), config, max, request, { waits: true });
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      sourceSettings(config);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

/** How long a poll waits while nobody sends. */
const POLL_WAIT_MS = 1000;
const RETRY_AFTER = { 'retry-after': '1' };

/** A request whose record is on its way. */
interface Waiting {
  readonly response: ServerResponse;
  readonly name: string | null;
}

export class HttpSourceTask implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SourceSettings;
  #seen!: SeenKeys;
  #listening: Listening | null = null;
  #arrived: SourceRecord[] = [];
  /** By the record itself: one on its way has one request. */
  readonly #waiting = new Map<SourceRecord, Waiting>();
  #reading = 0;
  #wake: (() => void) | null = null;

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sourceSettings(config);
    this.#seen = new SeenKeys({ path: this.#settings.path });
    this.#seen.restore(await context.offsets(this.#seen.partitions));
    const { host, port, path } = this.#settings;
    this.#listening = await listen(host, port, path, (request, response, query) => {
      this.#take(request, response, query).catch((error: unknown) => refuse(response, error));
    });
    context.logger.info({ host, port: this.#listening.port, path }, 'The webhook listens.');
    context.signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  async poll(): Promise<readonly SourceRecord[] | null> {
    if (this.#arrived.length === 0 && !this.#context.signal.aborted) await this.#waitForRequests();
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  commitRecord(record: SourceRecord, metadata: RecordMetadata | null): void {
    const waiting = this.#waiting.get(record);
    if (waiting === undefined) return;
    this.#waiting.delete(record);
    const taken: Taken = metadata === null ? { dropped: true } : pick(metadata);
    if (waiting.name !== null) this.#seen.settle(waiting.name, taken);
    answer(waiting.response, 200, taken);
  }

  async stop(): Promise<void> {
    for (const { response, name } of this.#waiting.values()) {
      if (name !== null) this.#seen.release(name);
      refuse(response, new Refusal(503, 'The connector stops. Send again.'));
    }
    this.#waiting.clear();
    this.#arrived = [];
    const listening = this.#listening;
    this.#listening = null;
    await listening?.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const settings = this.#settings;
    if (request.method !== 'POST' && request.method !== 'PUT') throw new Refusal(405, 'Send POST or PUT.');
    if (this.#waiting.size + this.#reading >= settings.maxInFlight || this.#context.signal.aborted) {
      throw new Refusal(503, 'Too many requests wait for the log. Send again.');
    }
    this.#reading++;
    const body = await readBody(request, settings.maxBodyBytes).finally(() => this.#reading--);
    if (!isAllowed(settings, request, body)) throw new Refusal(401, 'The signature or token does not fit.');
    const name = this.#nameOf(request);
    const before = name === null ? undefined : this.#seen.find(name);
    if (before === null) throw new Refusal(409, 'A request of this name is on its way. Ask again.');
    if (before !== undefined) return answer(response, 200, { ...before, repeated: true });
    if (this.#context.signal.aborted) throw new Refusal(503, 'The connector stops. Send again.');
    // Nothing may come between looking the name up and taking it: no await from here on.
    const unplaced = toRecord(settings, request, query, body);
    const place =
      name === null ? { sourcePartition: { path: settings.path }, sourceOffset: {} } : this.#seen.take(name);
    const record: SourceRecord = { ...unplaced, ...place };
    this.#waiting.set(record, { response, name });
    this.#arrived.push(record);
    this.#wake?.();
  }

  #nameOf(request: IncomingMessage): string | null {
    const header = this.#settings.idempotencyHeader;
    const value = header === null ? undefined : request.headers[header];
    return value === undefined || value === '' ? null : String(value);
  }

  async #waitForRequests(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, POLL_WAIT_MS);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }
}

function pick({ topic, partition, offset }: RecordMetadata) {
  return { topic, partition, offset };
}

/** Answers with what is wrong; a sender that left hears nothing. */
function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof Refusal) {
    answer(response, error.status, { error: error.message }, error.status === 503 ? RETRY_AFTER : {});
  } else answer(response, 500, { error: 'The request could not be taken.' });
}
