/**
 * The loop of a source task: poll → transform → convert → send, and behind it the offsets. Steps 1–4 and 7.
 *
 * Guarantees, in this order for each record: durable append → `commitRecord` → source offset durable → `commit`. A
 * crash between any two replays records, it never skips one. Polling goes on while appends are under way, within the
 * bounds of {@link SourceFlight}.
 */
import type { BadInput, SourceOffset, SourcePartition, SourceRecord, SourceTask } from '../../connectors/api/index.ts';
import { asError, isRetriable, messageOf, type Stage } from '../errors.ts';
import type { LogProducer, ProducerRecord } from '../log/client.ts';
import { partitionText } from '../stores/offset-store.ts';
import { backoffMs, delay, Turn } from './backoff.ts';
import { Conversion, originalOf, type StageFailure } from './conversion.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import type { ErrorPolicy } from './error-policy.ts';
import { Gate } from './gate.ts';
import type { ConnectorPlan } from './plan.ts';
import { SourceBatch, SourceFlight } from './source-flight.ts';
import {
  deadLetterQueueOf,
  errorPolicyOf,
  overridesOf,
  type TaskEnvironment,
  type TaskLoop,
} from './task-environment.ts';
import { TopicCreation } from './topic-creation.ts';

/** A poll's records go to the log in slices of this many, so that the first are on disk while the last are converted. */
const SLICE_RECORDS = 1_000;
/** A poll that answers nothing at once would spin; it is asked again after this long. */
const EMPTY_POLL_WAIT_MS = 5;

interface Acknowledged {
  readonly partition: SourcePartition;
  readonly offset: SourceOffset;
}

export class SourceLoop implements TaskLoop {
  readonly #environment: TaskEnvironment;
  readonly #plan: ConnectorPlan;
  readonly #task: SourceTask;
  readonly #abort = new AbortController();
  /** Outlives `#abort` by the grace period: retries of appends and dead letters end with it. */
  readonly #giveUp = new AbortController();
  readonly #gate = new Gate();
  readonly #turn = new Turn();
  readonly #producer: LogProducer;
  readonly #queue: DeadLetterQueue | null;
  readonly #policy: ErrorPolicy;
  readonly #flight: SourceFlight;
  readonly #topics: TopicCreation;
  #conversion!: Conversion;
  #acknowledged = new Map<string, Acknowledged>();
  #flushing: Promise<void> | null = null;
  #isCancelled = false;

  constructor(environment: TaskEnvironment, plan: ConnectorPlan, task: SourceTask) {
    const { log, connector, task: id } = environment;
    this.#environment = environment;
    this.#plan = plan;
    this.#task = task;
    const overrides = overridesOf(plan.settings, 'producer');
    this.#producer = log.producer({ clientId: `connector-producer-${connector}-${id}`, overrides });
    this.#queue = deadLetterQueueOf(environment, plan.settings, this.#giveUp.signal);
    this.#policy = errorPolicyOf(environment, plan, this.#queue, this.#giveUp.signal);
    this.#topics = new TopicCreation(log, plan.settings, environment.loop.isTopicCreationEnabled);
    this.#flight = new SourceFlight({
      producer: this.#producer,
      policy: this.#policy,
      logger: environment.logger,
      signal: this.#giveUp.signal,
      className: plan.plugin.class,
      onDone: (batch) => this.#onDone(batch),
    });
  }

  stop(): void {
    this.#abort.abort();
    this.#gate.open();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#giveUp.abort();
    this.stop();
  }

  pause(): void {
    this.#gate.close();
  }

  resume(): void {
    this.#gate.open();
  }

  async run(): Promise<void> {
    const timer = setInterval(() => this.#flushInBackground(), this.#environment.loop.flushIntervalMs);
    try {
      this.#conversion = await Conversion.create(this.#plan, this.#environment.registry);
      await this.#task.start(this.#context(), this.#plan.config);
      this.#environment.onStarted();
      await this.#loop();
      await this.#drain();
    } catch (error) {
      this.stop();
      const deadline = setTimeout(() => this.#giveUp.abort(), this.#environment.loop.stopTimeoutMs);
      await this.#drain().catch(() => {});
      clearTimeout(deadline);
      throw this.#flight.failure ?? error;
    } finally {
      clearInterval(timer);
      await this.#end();
    }
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (this.#flight.failure !== null) throw this.#flight.failure;
      if (this.#gate.isClosed) await Promise.race([this.#gate.passage(), this.#flight.change()]);
      else {
        const records = await this.#poll();
        if (records.length > 0) await this.#take(records);
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
        if (records.length > 0) this.#measurePoll(records.length, tookMs);
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
    const { measures } = this.#environment;
    measures.batchSize.add(records);
    measures.callMs.add(tookMs);
    measures.lastProgressAt = Date.now();
  }

  async #take(records: readonly SourceRecord[]): Promise<void> {
    const { ledger } = this.#environment;
    ledger.take(records.length);
    let taken = 0;
    try {
      for (let from = 0; from < records.length; from += SLICE_RECORDS) {
        await this.#waitForRoom();
        if (this.#abort.signal.aborted) return;
        const isWhole = records.length <= SLICE_RECORDS;
        const batch = new SourceBatch(isWhole ? records : records.slice(from, from + SLICE_RECORDS));
        await this.#convert(batch);
        this.#flight.send(batch);
        taken += batch.records.length;
        const turn = this.#turn.due();
        if (turn !== null) await turn;
      }
    } finally {
      // What was polled but not sent when the task ends is read again from the last offset.
      ledger.released += records.length - taken;
      ledger.inFlight -= records.length - taken;
    }
  }

  async #waitForRoom(): Promise<void> {
    while (!this.#flight.hasRoom && this.#flight.failure === null && !this.#abort.signal.aborted) {
      await this.#flight.change();
    }
    if (this.#flight.failure !== null) throw this.#flight.failure;
  }

  /** Synchronous per record unless a converter has to ask its registry or a record fails. */
  async #convert(batch: SourceBatch): Promise<void> {
    const { records } = batch;
    let topic = '';
    for (let index = 0; index < records.length; index++) {
      let converted: ProducerRecord | null;
      try {
        const answer = this.#conversion.toProducerRecord(records[index]!);
        converted = answer instanceof Promise ? await answer : answer;
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

  /** A record whose transform or converter failed: tried again if the policy says so, else given to it for good. */
  async #recover(batch: SourceBatch, index: number, failure: StageFailure): Promise<ProducerRecord | null> {
    const record = batch.records[index]!;
    const since = Date.now();
    for (let attempt = 0; await this.#policy.waitToRetry(failure.cause, since, attempt); attempt++) {
      try {
        const converted = await this.#conversion.toProducerRecord(record);
        if (converted !== null) return converted;
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
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#topics.ensure(topic);
        this.#environment.onTopic(topic);
        return;
      } catch (error) {
        if (!isRetriable(error) || this.#abort.signal.aborted) throw error;
        this.#policy.counts.retries++;
        await delay(backoffMs(attempt, this.#policy.maxDelayMs), this.#abort.signal);
      }
    }
  }

  /** Called in order: everything in the batch is durable, dropped or dead-lettered. */
  #onDone(batch: SourceBatch): void {
    const { ledger } = this.#environment;
    const { records, metadata, outIndex, dropped } = batch;
    let next = 0;
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!;
      const isSent = outIndex === null || outIndex[next] === index;
      const answer = isSent ? metadata[next++]! : null;
      if (answer !== null) ledger.written++;
      if (!this.#isCancelled) this.#task.commitRecord?.(record, answer);
      // Neighbours mostly share their partition object: only the last of a run counts.
      if (record.sourcePartition !== records[index + 1]?.sourcePartition) this.#acknowledge(record);
    }
    ledger.filtered += dropped.filtered;
    ledger.deadLettered += dropped.deadLettered;
    ledger.skipped += dropped.skipped;
    ledger.inFlight -= records.length;
  }

  #acknowledge(record: SourceRecord): void {
    const { sourcePartition: partition, sourceOffset: offset } = record;
    this.#acknowledged.set(partitionText(partition), { partition, offset });
  }

  #flushInBackground(): void {
    this.#flush().catch((error: unknown) => {
      this.#environment.logger.warn({ err: error }, `Source offsets could not be written: ${messageOf(error)}`);
    });
  }

  /** Writes what was acknowledged since the last time, then tells the task. Never two at once. */
  async #flush(): Promise<void> {
    if (this.#flushing !== null) return this.#flushing;
    if (this.#acknowledged.size === 0 || this.#isCancelled) return;
    this.#flushing = this.#writeOffsets().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #writeOffsets(): Promise<void> {
    const { measures, offsets, connector } = this.#environment;
    const began = performance.now();
    const acknowledged = this.#acknowledged;
    this.#acknowledged = new Map();
    try {
      await offsets.write(connector, [...acknowledged.values()]);
    } catch (error) {
      measures.commitFailures++;
      this.#acknowledged = new Map([...acknowledged, ...this.#acknowledged]);
      throw error;
    }
    if (this.#isCancelled) return;
    await this.#task.commit?.();
    measures.commitMs.add(performance.now() - began);
    measures.commitSequence++;
    measures.lastProgressAt = Date.now();
  }

  /** After the last poll: waits for what is under way, then writes the last offsets. */
  async #drain(): Promise<void> {
    while (!this.#flight.isEmpty && this.#flight.failure === null && !this.#isCancelled) await this.#flight.change();
    await this.#flushing?.catch(() => {});
    await this.#flush();
    if (this.#flight.failure !== null) throw this.#flight.failure;
  }

  async #end(): Promise<void> {
    this.#giveUp.abort();
    const { ledger, logger } = this.#environment;
    ledger.released += ledger.inFlight;
    ledger.inFlight = 0;
    try {
      await this.#task.stop();
    } catch (error) {
      logger.warn({ err: error }, `The task did not stop cleanly: ${messageOf(error)}`);
    }
    this.#conversion?.close();
    await Promise.allSettled([this.#producer.close(), this.#queue?.close()]);
  }

  #context() {
    const { connector, task, logger, offsets } = this.#environment;
    return {
      connector,
      task,
      logger,
      signal: this.#abort.signal,
      offsets: async (partitions: readonly SourcePartition[]) => offsets.read(connector, partitions),
      reportBadInput: (input: BadInput) => this.#reportBadInput(input),
    };
  }

  async #reportBadInput(input: BadInput): Promise<void> {
    const { ledger } = this.#environment;
    const stage: Stage = 'TASK_POLL';
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
    } catch (error) {
      ledger.released++;
      throw error;
    } finally {
      ledger.inFlight--;
    }
  }
}
