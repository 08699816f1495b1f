/**
 * The loop of a source task: poll → transform → convert → send. Steps 1–4.
 *
 * What happens to the records then, and to their offsets, is the delivery's: `at-least-once.ts` or `exactly-once.ts`.
 * Polling goes on while they are under way, as far as the delivery has room.
 */
import {
  type BadInput,
  isKept,
  type Signal,
  type SourcePartition,
  type SourceRecord,
  type SourceTask,
} from '../../connectors/api/index.ts';
import { asError, isRetriable, messageOf, type Stage, takesNoSignals } from '../errors.ts';
import { LogError, type ProducerRecord } from '../log/client.ts';
import { AtLeastOnce } from './at-least-once.ts';
import { backoffMs, delay, Turn } from './backoff.ts';
import { adminTimeoutMs, type ProducerSettings, producerSettings } from './client-settings.ts';
import { Conversion, originalOf, StageFailure } from './conversion.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import type { ErrorPolicy } from './error-policy.ts';
import { ExactlyOnce } from './exactly-once.ts';
import { LogFollower } from './followed-topic.ts';
import { Gate } from './gate.ts';
import type { ConnectorPlan } from './plan.ts';
import { RecordRuns, recordsOf } from './record-runs.ts';
import type { DeadLetterProducer, SourceDelivery } from './source-delivery.ts';
import { SourceBatch } from './source-flight.ts';
import { LogMemory } from './source-memory.ts';
import { deadLetterQueueOf, errorPolicyOf, type TaskEnvironment, type TaskLoop } from './task-environment.ts';
import { TopicCreation } from './topic-creation.ts';
import { transactionBoundaries } from './transaction-boundaries.ts';

/** A poll that answers nothing at once would spin; it is asked again after this long. */
const EMPTY_POLL_WAIT_MS = 5;

export class SourceLoop implements TaskLoop {
  readonly #environment: TaskEnvironment;
  readonly #plan: ConnectorPlan;
  readonly #task: SourceTask;
  readonly #client: ProducerSettings;
  readonly #abort = new AbortController();
  /** Outlives `#abort` by the grace period: retries of appends and dead letters end with it. */
  readonly #giveUp = new AbortController();
  readonly #gate = new Gate();
  readonly #turn = new Turn();
  readonly #queue: DeadLetterQueue | null;
  readonly #policy: ErrorPolicy;
  readonly #delivery: SourceDelivery;
  readonly #topics: TopicCreation;
  readonly #memory: LogMemory;
  #conversion!: Conversion;
  #runs!: RecordRuns;
  /** Pieces of bad input on their way to the policy: in flight without a batch. */
  #reporting = 0;

  constructor(environment: TaskEnvironment, plan: ConnectorPlan, task: SourceTask) {
    this.#environment = environment;
    this.#plan = plan;
    this.#task = task;
    const { workerKeys, loop, log, transactionalId: owner } = environment;
    this.#memory = new LogMemory({ log, owner, replicationFactor: loop.memoryReplicationFactor });
    this.#client = producerSettings(workerKeys, plan.settings);
    const { delivery, deadLetters } = this.#createDelivery();
    this.#delivery = delivery;
    this.#queue = deadLetterQueueOf(environment, plan.settings, this.#giveUp.signal, deadLetters);
    this.#policy = errorPolicyOf(environment, plan, this.#queue, this.#giveUp.signal);
    this.#topics = new TopicCreation(log, plan.settings, {
      isEnabled: loop.isTopicCreationEnabled,
      timeoutMs: adminTimeoutMs(workerKeys, plan.settings),
    });
  }

  #createDelivery(): { delivery: SourceDelivery; deadLetters: DeadLetterProducer | null } {
    const { settings, plugin, isExactlyOnce } = this.#plan;
    const options = {
      environment: this.#environment,
      task: this.#task,
      className: plugin.class,
      client: this.#client,
      policy: () => this.#policy,
      signal: this.#giveUp.signal,
    };
    if (!isExactlyOnce) return { delivery: new AtLeastOnce(options), deadLetters: null };
    const interval = settings.optionalNumber('transaction.boundary.interval.ms');
    const { flushIntervalMs } = this.#environment.loop;
    const boundaries = transactionBoundaries(settings.string('transaction.boundary'), interval ?? flushIntervalMs);
    const { transactionalId } = this.#environment;
    const delivery = new ExactlyOnce({ ...options, boundaries, transactionalId });
    return { delivery, deadLetters: delivery.deadLetters };
  }

  stop(): void {
    this.#abort.abort();
    this.#gate.open();
  }

  cancel(): void {
    this.#delivery.cancel();
    this.#giveUp.abort();
    this.stop();
  }

  pause(): void {
    this.#gate.close();
  }

  resume(): void {
    this.#gate.open();
  }

  async signal(signal: Signal): Promise<void> {
    if (this.#task.signal === undefined) throw takesNoSignals(this.#plan.plugin.class);
    await this.#task.signal(signal);
  }

  async run(): Promise<void> {
    try {
      this.#conversion = await Conversion.create(this.#plan, this.#environment.registry);
      await this.#delivery.open();
      this.#runs = this.#createRuns();
      await this.#task.start(this.#context(), this.#plan.config);
      this.#environment.onStarted();
      await this.#loop();
      await this.#delivery.drain();
    } catch (error) {
      this.stop();
      const deadline = setTimeout(() => this.#giveUp.abort(), this.#environment.loop.stopTimeoutMs);
      await this.#delivery.drain().catch(() => {});
      clearTimeout(deadline);
      throw this.#delivery.failure ?? error;
    } finally {
      await this.#end();
    }
  }

  #createRuns(): RecordRuns {
    const takesRuns = this.#delivery.takesRuns?.bind(this.#delivery);
    return new RecordRuns({
      keepsJson: this.#conversion.keepsJson,
      takesRuns,
      recordBytesMax: this.#client.recordBytesMax,
    });
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.#delivery.failure !== null) throw this.#delivery.failure;
      this.#audit();
      if (this.#gate.isClosed) await Promise.race([this.#gate.passage(), this.#delivery.change()]);
      else {
        const records = await this.#poll();
        if (records.length > 0) await this.#take(records);
        this.#delivery.polled();
      }
      const turn = this.#turn.due();
      if (turn !== null) await turn;
    }
  }

  /** Never rejects with a retriable error: those are tried again for as long as the task runs. */
  async #poll(): Promise<readonly SourceRecord[]> {
    const { signal } = this.#abort;
    for (let attempt = 0; ; attempt++) {
      const began = performance.now();
      try {
        const records = (await this.#task.poll()) ?? [];
        const tookMs = performance.now() - began;
        if (records.length > 0) this.#measurePoll(this.#runs.count(records), tookMs);
        else if (tookMs < EMPTY_POLL_WAIT_MS) await delay(EMPTY_POLL_WAIT_MS, signal);
        return records;
      } catch (error) {
        if (signal.aborted) return [];
        if (!isRetriable(error)) throw error;
        this.#policy.counts.retries++;
        if (attempt === 0) {
          this.#environment.logger.warn({ err: error }, `A poll failed and is tried again: ${messageOf(error)}`);
        }
        await delay(backoffMs(attempt, this.#policy.maxDelayMs), signal);
        if (signal.aborted) return [];
      }
    }
  }

  #measurePoll(records: number, tookMs: number): void {
    const { measures, ledger } = this.#environment;
    measures.active.add(ledger.inFlight + records);
    measures.batchSize.add(records);
    measures.callMs.add(tookMs);
    measures.lastProgressAt = Date.now();
  }

  async #take(records: readonly SourceRecord[]): Promise<void> {
    const { ledger } = this.#environment;
    const count = records.length;
    let left = this.#runs.count(records);
    ledger.take(left);
    let taken = 0;
    try {
      while (taken < count) {
        await this.#waitForRoom();
        if (this.#abort.signal.aborted) return;
        const end = this.#runs.pieceEnd(records, taken, this.#delivery.sliceEnd(records, taken));
        const isWhole = taken === 0 && end === count;
        const batch = await this.#batchOf(isWhole ? records : records.slice(taken, end));
        this.#delivery.send(batch);
        taken = end;
        left -= batch.count;
        const turn = this.#turn.due();
        if (turn !== null) await turn;
      }
    } finally {
      // What was polled but not sent when the task ends is read again from the last offset.
      ledger.release(left);
    }
  }

  /** Converted, or a run that passes as it is. */
  async #batchOf(records: readonly SourceRecord[]): Promise<SourceBatch> {
    let batch = new SourceBatch(records);
    if (batch.run !== null) {
      if (!this.#topics.isKnown(batch.run.topic)) await this.#introduce(batch.run.topic);
      if (this.#runs.passes(batch.run)) return batch;
      batch = new SourceBatch(recordsOf(batch.run));
    }
    await this.#convert(batch);
    return batch;
  }

  async #waitForRoom(): Promise<void> {
    while (!this.#delivery.hasRoom && this.#delivery.failure === null && !this.#abort.signal.aborted) {
      await this.#delivery.change();
    }
    if (this.#delivery.failure !== null) throw this.#delivery.failure;
  }

  /** Synchronous per record unless a converter has to ask its registry or a record fails. */
  async #convert(batch: SourceBatch): Promise<void> {
    const { records } = batch;
    let topic = '';
    for (let index = 0; index < records.length; index++) {
      if (isKept(records[index]!)) {
        await this.#keep(batch, index);
        continue;
      }
      let converted: ProducerRecord | null;
      try {
        const answer = this.#conversion.toProducerRecord(records[index]!);
        converted = answer instanceof Promise ? await answer : answer;
        if (converted !== null) this.#refuseTooLarge(converted);
      } catch (failure) {
        converted = await this.#recover(batch, index, failure as StageFailure);
        if (converted === null) continue;
      }
      if (converted === null) {
        batch.dropped.filtered++;
        batch.drop(index);
        continue;
      }
      if (converted.topic !== topic) {
        topic = converted.topic;
        if (!this.#topics.isKnown(topic)) await this.#introduce(topic);
      }
      batch.add(converted, index);
    }
  }

  /** What a source keeps for itself goes as it is. Too large for this producer, its key is forgotten: nothing older may stand. */
  async #keep(batch: SourceBatch, index: number): Promise<void> {
    const memory = this.#memory;
    if (!memory.isThere) {
      await this.#untilDone(() => this.#topics.create(memory.newTopic));
      memory.created();
    }
    const record = memory.toProducerRecord(batch.records[index]!);
    const isTooLarge = recordBytes(record) > (this.#client.recordBytesMax ?? Number.POSITIVE_INFINITY);
    batch.add(isTooLarge ? { ...record, value: null } : record, index);
  }

  /** Kafka's producers refuse such a record before they send it; the log would take it. */
  #refuseTooLarge(record: ProducerRecord): void {
    const max = this.#client.recordBytesMax;
    if (max === null) return;
    const bytes = recordBytes(record);
    if (bytes <= max) return;
    const message = `The record has ${bytes} bytes; max.request.size of the producer allows ${max}. Raise it, or send less.`;
    const cause = new LogError('MESSAGE_TOO_LARGE', message, { retriable: false });
    throw new StageFailure('KAFKA_PRODUCE', this.#plan.plugin.class, cause);
  }

  /** A record whose transform or converter failed: tried again if the policy says so, else given to it for good. */
  async #recover(batch: SourceBatch, index: number, failure: StageFailure): Promise<ProducerRecord | null> {
    const record = batch.records[index]!;
    const since = Date.now();
    for (let attempt = 0; await this.#policy.waitToRetry(failure.cause, since, attempt); attempt++) {
      try {
        const converted = await this.#conversion.toProducerRecord(record);
        if (converted !== null) {
          this.#refuseTooLarge(converted);
          return converted;
        }
        batch.dropped.filtered++;
        batch.drop(index);
        return null;
      } catch (again) {
        failure = again as StageFailure;
      }
    }
    batch.drop(index);
    const tolerated = this.#policy
      .tolerate({
        stage: failure.stage,
        error: failure.cause,
        className: failure.className,
        topic: record.topic,
        partition: record.partition,
        offset: null,
        source: { partition: record.sourcePartition, offset: record.sourceOffset },
        original: originalOf(record),
      })
      .then((outcome) => {
        if (outcome === 'skipped') batch.dropped.skipped++;
        else batch.dropped.deadLettered++;
      });
    // Noted now, awaited with the batch: a storm of bad records must not cost a round trip each.
    tolerated.catch(() => {});
    batch.pending.push(tolerated);
    return null;
  }

  /** A topic's first record: create it where that is ours to do, and remember that this connector uses it. */
  async #introduce(topic: string): Promise<void> {
    await this.#untilDone(() => this.#topics.ensure(topic));
    this.#environment.onTopic(topic);
  }

  /** A topic that cannot be created now is tried again for as long as the task runs. */
  async #untilDone(create: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await create();
      } catch (error) {
        if (!isRetriable(error) || this.#abort.signal.aborted) throw error;
        this.#policy.counts.retries++;
        await delay(backoffMs(attempt, this.#policy.maxDelayMs), this.#abort.signal);
      }
    }
  }

  /** Nothing is being converted now, so what is in flight is what the delivery holds, or somebody forgot a record. */
  #audit(): void {
    this.#environment.ledger.audit(this.#delivery.held + this.#reporting);
  }

  async #end(): Promise<void> {
    this.#giveUp.abort();
    const { ledger, logger } = this.#environment;
    // Given back by their number, not by what the ledger thinks: a forgotten one must not pass for one of these.
    ledger.release(this.#delivery.held);
    ledger.audit(this.#reporting);
    try {
      await this.#task.stop();
    } catch (error) {
      logger.warn({ err: error }, `The task did not stop cleanly: ${messageOf(error)}`);
    }
    this.#environment.measures.ended(this.#abort.signal);
    this.#conversion?.close();
    await Promise.allSettled([this.#delivery.close(), this.#queue?.close(), this.#memory.close()]);
  }

  #context() {
    const { connector, task, logger, offsets, log, measures } = this.#environment;
    return {
      connector,
      task,
      logger,
      signal: this.#abort.signal,
      offsets: async (partitions: readonly SourcePartition[]) => offsets.read(connector, partitions),
      allOffsets: async () =>
        offsets.all(connector).flatMap(({ partition, offset }) => (offset === null ? [] : [{ partition, offset }])),
      reportBadInput: (input: BadInput) => this.#reportBadInput(input),
      declareSchemas: this.#conversion.declareSchemas.bind(this.#conversion),
      requestCommit: () => this.#delivery.flushSoon(),
      memory: this.#memory,
      follow: (topic: string, group: string) =>
        new LogFollower({ log, logger, topic, group, clientId: `${group}-${connector}-${task}` }),
      takesRuns: this.#runs.takes.bind(this.#runs),
      ...measures.context(this.#abort.signal),
      transactions: this.#delivery.transactions,
    };
  }

  async #reportBadInput(input: BadInput): Promise<void> {
    const { ledger } = this.#environment;
    const stage: Stage = 'TASK_POLL';
    this.#reporting++;
    ledger.take(1);
    try {
      const outcome = await this.#policy.tolerate({
        stage,
        error: asError(input.error),
        className: this.#plan.plugin.class,
        topic: null,
        partition: null,
        offset: null,
        source: input.source,
        original: { key: input.key ?? null, value: input.bytes, headers: [], timestamp: null },
      });
      if (outcome === 'skipped') ledger.skipped++;
      else ledger.deadLettered++;
      if (input.onDurable !== undefined) this.#delivery.afterDurable(input.onDurable);
    } catch (error) {
      ledger.released++;
      throw error;
    } finally {
      this.#reporting--;
      ledger.inFlight--;
    }
  }
}

function recordBytes({ key, value, headers }: ProducerRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) bytes += Buffer.byteLength(header.key) + (header.value?.length ?? 0);
  return bytes;
}
