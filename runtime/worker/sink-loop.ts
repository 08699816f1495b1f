/**
 * The loop of a sink task: poll → convert → transform → put, and at intervals flush → commit. Steps 8–10.
 *
 * Offsets are committed only for what `put` has taken and `flush` made durable: a crash replays, it never skips. A
 * retriable `put` gets the same batch again while its partitions are paused; any other failure is narrowed down by
 * halving the batch, so that one bad record never takes its neighbours along, whatever the plugin.
 */
import { javaRegex, type SinkRecord, type SinkTask, type TopicPartition } from '../../connectors/api/index.ts';
import { messageOf, takesNoSignals } from '../errors.ts';
import type { ConsumerRecord, LogConsumer, OffsetAndMetadata } from '../log/client.ts';
import { Turn, within } from './backoff.ts';
import { consumerSettings, overridesOf } from './client-settings.ts';
import { Conversion, StageFailure, type TrackedSinkRecord } from './conversion.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import type { ErrorPolicy, Outcome } from './error-policy.ts';
import type { ConnectorPlan } from './plan.ts';
import { Interrupted, isBadRecord, SinkDelivery } from './sink-delivery.ts';
import { SinkPositions } from './sink-positions.ts';
import { deadLetterQueueOf, errorPolicyOf, type TaskEnvironment, type TaskLoop } from './task-environment.ts';

/** An idle poll ends after this long at the latest, so that time-based flushes of a sink have a clock. */
const POLL_MS = 1_000;
/** A batch is what one `put` gets; Kafka's 500 makes for small statements and many round trips. */
const MAX_POLL_RECORDS = 2_000;
const MAX_POLL_BYTES = 8 << 20;

export class SinkLoop implements TaskLoop {
  readonly #environment: TaskEnvironment;
  readonly #plan: ConnectorPlan;
  readonly #task: SinkTask;
  readonly #abort = new AbortController();
  readonly #turn = new Turn();
  readonly #consumer: LogConsumer;
  readonly #queue: DeadLetterQueue | null;
  readonly #policy: ErrorPolicy;
  readonly #positions = new SinkPositions();
  readonly #delivery: SinkDelivery;
  #conversion!: Conversion;
  #nextCommitAt = 0;
  #isPaused = false;
  #isCancelled = false;
  #isOpen = false;

  constructor(environment: TaskEnvironment, plan: ConnectorPlan, task: SinkTask) {
    const { log, connector, task: id } = environment;
    this.#environment = environment;
    this.#plan = plan;
    this.#task = task;
    const overrides = overridesOf(environment.workerKeys, plan.settings, 'consumer');
    const client = consumerSettings(environment.workerKeys, plan.settings);
    this.#consumer = log.consumer({
      clientId: client.optionalString('client.id') ?? `connector-consumer-${connector}-${id}`,
      group: client.optionalString('group.id') ?? sinkGroup(connector),
      autoOffsetReset: (client.optionalString('auto.offset.reset') as 'earliest' | null) ?? 'earliest',
      maxPollRecords: client.optionalNumber('max.poll.records') ?? MAX_POLL_RECORDS,
      maxPollBytes: client.optionalNumber('fetch.max.bytes') ?? MAX_POLL_BYTES,
      // Kafka Connect's default shows a sink what a transaction took back; sources of ours write in transactions.
      isolation: (client.optionalString('isolation.level') as 'read_committed' | null) ?? 'read_committed',
      overrides,
    });
    this.#queue = deadLetterQueueOf(environment, plan.settings, this.#abort.signal);
    this.#policy = errorPolicyOf(environment, plan, this.#queue, this.#abort.signal);
    this.#delivery = new SinkDelivery({
      task,
      consumer: this.#consumer,
      positions: this.#positions,
      policy: this.#policy,
      ledger: environment.ledger,
      measures: environment.measures,
      logger: environment.logger,
      className: plan.plugin.class,
      signal: this.#abort.signal,
    });
  }

  stop(): void {
    this.#abort.abort();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.stop();
    // Wakes a pending poll; whatever the task still does can no longer be committed.
    this.#consumer.close().catch(() => {});
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  async signal(): Promise<void> {
    throw takesNoSignals(this.#plan.plugin.class);
  }

  async run(): Promise<void> {
    let failure: { readonly cause: unknown } | null = null;
    try {
      this.#conversion = await Conversion.create(this.#plan, this.#environment.registry);
      await this.#task.start(this.#context(), this.#plan.config);
      this.#environment.onStarted();
      this.#isOpen = true;
      this.#subscribe();
      this.#nextCommitAt = Date.now() + this.#environment.loop.flushIntervalMs;
      await this.#loop().catch((error: unknown) => {
        if (!(error instanceof Interrupted)) throw error;
      });
      await this.#commit(this.#positions.owned());
    } catch (error) {
      failure = { cause: error };
    }
    await this.#end();
    if (failure !== null) throw failure.cause;
  }

  #subscribe(): void {
    const { settings } = this.#plan;
    const topics = settings.list('topics');
    const subscription = topics.length > 0 ? topics : javaRegex(settings.string('topics.regex'));
    this.#consumer.subscribe(subscription, {
      onAssigned: (partitions) => this.#onAssigned(partitions),
      onRevoked: (partitions, lost) => this.#onRevoked(partitions, lost),
    });
  }

  async #loop(): Promise<void> {
    let wasPaused = false;
    while (!this.#abort.signal.aborted) {
      if (this.#isPaused !== wasPaused) {
        wasPaused = this.#isPaused;
        this.#delivery.hold(wasPaused);
      }
      const left = this.#nextCommitAt - Date.now();
      const read = await this.#consumer.poll(Math.max(0, Math.min(POLL_MS, left)));
      if (read.length > 0) await this.#take(read);
      else if (!this.#isPaused) await this.#delivery.tick();
      if (Date.now() >= this.#nextCommitAt) {
        for (const each of this.#positions.owned()) this.#positions.caughtUp(each, this.#consumer.position(each));
        await this.#commit(this.#positions.owned());
      }
      const turn = this.#turn.due();
      if (turn !== null) await turn;
    }
  }

  async #take(read: readonly ConsumerRecord[]): Promise<void> {
    const { ledger, measures } = this.#environment;
    ledger.take(read.length);
    measures.active.add(ledger.inFlight);
    measures.batchSize.add(read.length);
    measures.lastProgressAt = Date.now();
    this.#noteTopics(read);
    this.#positions.beginning(read);
    const batch = await this.#convert(read);
    if (batch.length > 0) await this.#delivery.deliver(batch);
    ledger.audit(0);
    this.#positions.delivered(read);
    measures.lastTimestamp = read.at(-1)!.timestamp;
  }

  #noteTopics(read: readonly ConsumerRecord[]): void {
    let topic = '';
    for (const record of read) {
      if (record.topic === topic) continue;
      topic = record.topic;
      this.#environment.onTopic(topic);
    }
  }

  /** Synchronous per record unless a converter has to ask its registry or a record fails. */
  async #convert(read: readonly ConsumerRecord[]): Promise<TrackedSinkRecord[]> {
    const { ledger } = this.#environment;
    const batch: TrackedSinkRecord[] = [];
    for (const record of read) {
      let converted: TrackedSinkRecord | null;
      try {
        const answer = this.#conversion.toSinkRecord(record);
        converted = answer instanceof Promise ? await answer : answer;
      } catch (failure) {
        const recovered = await this.#recover(record, failure as StageFailure);
        if (recovered === 'tolerated') continue;
        converted = recovered;
      }
      if (converted !== null) batch.push(converted);
      else {
        ledger.filtered++;
        ledger.inFlight--;
      }
    }
    return batch;
  }

  async #recover(record: ConsumerRecord, failure: StageFailure): Promise<TrackedSinkRecord | null | 'tolerated'> {
    const since = Date.now();
    for (let attempt = 0; await this.#policy.waitToRetry(failure.cause, since, attempt); attempt++) {
      try {
        return await this.#conversion.toSinkRecord(record);
      } catch (again) {
        if (!(again instanceof StageFailure)) throw again;
        failure = again;
      }
    }
    const { ledger } = this.#environment;
    const { topic, partition, offset } = record;
    const { stage, cause, className } = failure;
    const outcome = await this.#policy.tolerate({
      stage,
      error: cause,
      className,
      topic,
      partition,
      offset,
      original: record,
    });
    countOutcome(ledger, outcome);
    return 'tolerated';
  }

  /** A flush that meets a bad record: everything since the last commit comes again, in parts, until it stands alone. */
  async #flush(offsets: readonly OffsetAndMetadata[]): Promise<readonly OffsetAndMetadata[]> {
    try {
      return await this.#delivery.flush(offsets);
    } catch (error) {
      if (!isBadRecord(error) || this.#abort.signal.aborted) throw error;
      const { logger, measures } = this.#environment;
      measures.commitFailures++;
      logger.warn({ err: error }, `A flush failed; what it was about is delivered again in parts: ${messageOf(error)}`);
      await this.#delivery.reset();
      const again = this.#positions.rewind();
      for (const { partition, from } of again) this.#consumer.seek(partition, from);
      this.#delivery.beCareful(again);
      return [];
    }
  }

  /** flush, then commit what it calls safe. A flush that fails for a moment fails the task: its restart reads from the last commit. */
  async #commit(partitions: readonly TopicPartition[]): Promise<void> {
    const { measures, loop } = this.#environment;
    this.#nextCommitAt = Date.now() + loop.flushIntervalMs;
    this.#measureLag();
    const offsets = this.#positions.uncommitted(partitions);
    await this.#delivery.reported();
    if (offsets.length === 0 || this.#isCancelled) {
      measures.commitSkips++;
      return;
    }
    const began = performance.now();
    const safe = await this.#flush(offsets);
    if (safe.length === 0 || this.#isCancelled) return;
    try {
      await within('Committing sink offsets', loop.flushTimeoutMs, this.#consumer.commit(safe));
    } catch (error) {
      // The offsets stay uncommitted and go along with the next commit; at worst records are read twice.
      measures.commitFailures++;
      this.#environment.logger.warn({ err: error }, `Sink offsets could not be committed: ${messageOf(error)}`);
      return;
    }
    this.#positions.committed(safe);
    measures.commitMs.add(performance.now() - began);
    measures.commitSequence++;
    measures.lastProgressAt = Date.now();
  }

  #measureLag(): void {
    const { measures } = this.#environment;
    const owned = this.#positions.owned();
    const lags = owned.map((partition) => {
      const end = this.#consumer.logEndOffset(partition);
      const position = this.#consumer.position(partition);
      return end === null || position === null ? 0 : end - position;
    });
    measures.partitions = owned.length;
    measures.lag = Math.max(0, ...lags);
    const { lag, lastTimestamp } = measures;
    measures.lagMs = lag === 0 || lastTimestamp === null ? 0 : Math.max(0, Date.now() - lastTimestamp);
  }

  async #onAssigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#positions.assign(partitions);
    this.#delivery.holdNew(partitions);
    await this.#task.open?.(partitions);
  }

  async #onRevoked(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    try {
      if (!lost && !this.#isCancelled) await this.#commit(partitions);
    } catch (error) {
      if (!isBadRecord(error)) throw error;
      // Not committed, so whoever gets these partitions finds the bad record.
      this.#environment.logger.warn({ err: error }, `The last flush before a rebalance failed: ${messageOf(error)}`);
    } finally {
      this.#positions.revoke(partitions);
      await this.#task.close?.(partitions);
    }
  }

  async #end(): Promise<void> {
    const { ledger, logger } = this.#environment;
    // Of the batch that could not be finished: every one before it was audited, so nothing forgotten hides among these.
    ledger.release(ledger.inFlight);
    const quietly = async (work: () => unknown) => {
      try {
        await work();
      } catch (error) {
        logger.warn({ err: error }, `The task did not stop cleanly: ${messageOf(error)}`);
      }
    };
    const owned = this.#positions.owned();
    if (this.#isOpen && owned.length > 0) await quietly(() => this.#task.close?.(owned));
    await quietly(() => this.#consumer.close());
    await quietly(() => this.#task.stop());
    this.#environment.measures.ended(this.#abort.signal);
    this.#conversion?.close();
    await quietly(() => this.#queue?.close());
  }

  #context() {
    const { connector, task, logger, measures } = this.#environment;
    return {
      connector,
      task,
      logger,
      signal: this.#abort.signal,
      ...measures.context(this.#abort.signal),
      seek: (partition: TopicPartition, offset: number) => {
        this.#consumer.seek(partition, offset);
        this.#positions.seek(partition, offset);
      },
      assignment: () => this.#positions.owned(),
      pause: (partitions: readonly TopicPartition[]) => this.#delivery.pause(partitions),
      resume: (partitions: readonly TopicPartition[]) => this.#delivery.resume(partitions),
      requestCommit: () => {
        this.#nextCommitAt = 0;
      },
      retryAfter: (timeoutMs: number) => this.#delivery.retryAfter(timeoutMs),
      reportBadRecord: (record: SinkRecord, error: Error) => this.#delivery.report(record, error),
    };
  }
}

/** The consumer group of a sink connector, as Kafka Connect names it. */
export function sinkGroup(connector: string): string {
  return `connect-${connector}`;
}

/** Moves one record of the ledger out of flight. */
export function countOutcome(
  ledger: { skipped: number; deadLettered: number; inFlight: number },
  outcome: Outcome,
): void {
  if (outcome === 'skipped') ledger.skipped++;
  else ledger.deadLettered++;
  ledger.inFlight--;
}
