/**
 * The HTTP sink: records become requests, in order within a partition, several partitions at a time. Step 10 of the
 * record's journey.
 *
 * At least once: what was answered with 2xx is not sent again by this task, but after a crash it is; the idempotency
 * header tells the other side.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  RetriableError,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../api/index.ts';
import { checkEndpoint } from './check.ts';
import { type HttpAnswer, type HttpClient, openClient } from './client.ts';
import { type SinkSettings, sinkSettings } from './config.ts';
import { httpForbidden, httpRefused, httpUnavailable } from './errors.ts';
import { RateLimit } from './rate-limit.ts';
import { type Shipment, shipmentsOf } from './request.ts';

export class HttpSink implements SinkConnector {
  start(_context: ConnectorContext, config: Config): void {
    sinkSettings(config);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    return Array.from({ length: maxTasks }, () => ({}));
  }

  createTask(): HttpSinkTask {
    return new HttpSinkTask();
  }

  stop(): void {}

  async explain(config: Config, records: readonly SinkRecord[]): Promise<readonly string[]> {
    const { shipments, unfit } = shipmentsOf(sinkSettings(config), records);
    // Headers may hold credentials: they are not shown.
    const sent = shipments.map(({ request: { method, url, body } }) => `${method} ${url}\n  ${body?.toString() ?? ''}`);
    return [...sent, ...unfit.map(({ error }) => `refused: ${error.message}`)];
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      return await checkEndpoint(sinkSettings(config));
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

/** The longest a task heeds Retry-After before it lets the worker decide. */
const RETRY_AFTER_MS_MAX = 60_000;

export class HttpSinkTask implements SinkTask {
  #context!: SinkTaskContext;
  #settings!: SinkSettings;
  #client!: HttpClient;
  #rate!: RateLimit;
  /** The next offset of each partition that was not answered yet: a batch that is put again sends only the rest. */
  readonly #next = new Map<string, number>();

  async start(context: SinkTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sinkSettings(config);
    this.#rate = new RateLimit(this.#settings.ratePerSecond);
    this.#client = await openClient(this.#settings);
  }

  open(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#next.delete(`${topic}-${partition}`);
  }

  async put(records: readonly SinkRecord[]): Promise<void> {
    const partitions = Map.groupBy(records, (record) => `${record.originalTopic}-${record.originalPartition}`);
    const ends = await Promise.allSettled([...partitions].map(([id, mine]) => this.#deliver(id, mine)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
    // One that can be tried again must not hide one that cannot.
    const failure = failures.find((error) => !(error instanceof RetriableError)) ?? failures[0];
    if (failure !== undefined) throw failure;
  }

  close(partitions: readonly TopicPartition[]): void {
    this.open(partitions);
  }

  stop(): void {
    this.#client?.close();
  }

  /** The records of one partition, in order; what fits no request goes to the error policy in its place. */
  async #deliver(id: string, records: readonly SinkRecord[]): Promise<void> {
    const next = this.#next.get(id) ?? -1;
    const todo = shipmentsOf(
      this.#settings,
      records.filter(({ offset }) => offset >= next),
    );
    const unfit = [...todo.unfit];
    const reportBefore = async (offset: number): Promise<void> => {
      while (unfit.length > 0 && unfit[0]!.record.offset < offset) {
        const { record, error } = unfit.shift()!;
        await this.#context.reportBadRecord(record, error);
        this.#next.set(id, record.offset + 1);
      }
    };
    for (const shipment of todo.shipments) {
      await reportBefore(shipment.records[0]!.offset);
      await this.#ship(id, shipment);
    }
    await reportBefore(Number.POSITIVE_INFINITY);
  }

  /** Sends one request until it is answered for good. A batch that is refused is sent in halves. */
  async #ship(id: string, shipment: Shipment): Promise<void> {
    await this.#rate.turn(this.#context.signal);
    const answer = await this.#client.send(shipment.request, this.#context.signal);
    const isTaken = answer.status >= 200 && answer.status < 300;
    if (!isTaken && shipment.records.length > 1 && this.#isAboutRecords(answer)) return this.#shipApart(id, shipment);
    if (!isTaken) await this.#refused(shipment, answer);
    this.#next.set(id, shipment.records.at(-1)!.offset + 1);
  }

  /** Whether the answer judges what was sent, and not us, or the moment. */
  #isAboutRecords({ status }: HttpAnswer): boolean {
    return !this.#settings.retries(status) && status !== 401 && status !== 403;
  }

  /** Returns when the record was dead-lettered or skipped; else throws. */
  async #refused({ request, records }: Shipment, answer: HttpAnswer): Promise<void> {
    const { status, text } = answer;
    if (this.#settings.retries(status)) {
      await this.#heed(answer);
      throw httpUnavailable(request.url, `answered ${status}${text === '' ? '' : `: ${text}`}`);
    }
    if (!this.#isAboutRecords(answer)) throw httpForbidden(request.url, status);
    await this.#context.reportBadRecord(records[0]!, httpRefused(request.url, status, text));
  }

  async #shipApart(id: string, { records }: Shipment): Promise<void> {
    const half = Math.ceil(records.length / 2);
    for (const part of [records.slice(0, half), records.slice(half)]) {
      for (const shipment of shipmentsOf(this.#settings, part).shipments) await this.#ship(id, shipment);
    }
  }

  async #heed({ retryAfterMs }: HttpAnswer): Promise<void> {
    if (retryAfterMs === null) return;
    const { signal } = this.#context;
    await sleep(Math.min(retryAfterMs, RETRY_AFTER_MS_MAX), undefined, { signal }).catch(() => undefined);
  }
}
