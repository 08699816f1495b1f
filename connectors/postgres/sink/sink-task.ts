/**
 * The sink's task: each `put` is one transaction that holds the rows of the batch and the offsets behind them. Step 10
 * of the record's journey. In a backlog one of them is under way while the next is made.
 *
 * All or nothing, so the worker may put the same batch again or bisect it: what was committed is recognised by its
 * offset and skipped.
 */
import type { Client } from 'pg';
import {
  type Config,
  DataError,
  type OffsetAndMetadata,
  RetriableError,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../../api/index.ts';
import { isForeignKeyViolation, sqlStateOf, toConnectError } from '../errors.ts';
import { BatchWriter, type Sent } from './sink-batch.ts';
import { openSinkClient } from './sink-client.ts';
import { type SinkSettings, sinkSettings } from './sink-config.ts';
import type { SinkDialect } from './sink-keys.ts';
import { idOf, SinkOffsets } from './sink-offsets.ts';
import { type Run, runsOf } from './sink-runs.ts';
import { addressOf } from './sink-url.ts';
import { WaitingRecords } from './sink-waiting.ts';
import { TargetTables } from './target-tables.ts';

/** What a table that changed behind our back may answer: undefined things, other types, an outgrown plan. */
const MAYBE_STALE_STATE = /^(22|42|0A000)/;

/** The session or the server takes no writes. */
const READ_ONLY_STATE = '25006';

/** A put of as many records comes out of a backlog: the next one is already there. */
const BACKLOG_RECORDS = 1000;

/** A put that was answered before its transaction was. */
interface Flight {
  readonly records: readonly SinkRecord[];
  readonly next: Sent['next'];
  /** Null once it is committed; never rejects. */
  readonly failure: Promise<unknown>;
  hasFailed: boolean;
}

export class PostgresSinkTask implements SinkTask {
  readonly #dialect: SinkDialect;
  #context!: SinkTaskContext;
  #settings!: SinkSettings;
  #tables!: TargetTables;
  #offsets: SinkOffsets | null = null;
  #client: Client | null = null;
  readonly #assigned = new Map<string, TopicPartition>();
  /** Partitions that are assigned and not taken over in the target yet. */
  #unopened: TopicPartition[] = [];
  #writer!: BatchWriter;
  #waiting!: WaitingRecords;
  /** Not read on for now, for the sake of what waits. */
  #standing: readonly TopicPartition[] = [];
  /** At most one: while the server works on it, the next put is made ready. */
  #flight: Flight | null = null;
  /** The policy is to fail for a record that was found to be bad after its put was answered. */
  #failed: Error | null = null;

  constructor(dialect: SinkDialect) {
    this.#dialect = dialect;
  }

  start(context: SinkTaskContext, config: Config): void {
    this.#context = context;
    this.#settings = sinkSettings(config, this.#dialect);
    this.#tables = new TargetTables(this.#settings);
    const { offsetsTable } = this.#settings;
    this.#offsets = offsetsTable === null ? null : new SinkOffsets(offsetsTable, context.connector);
    this.#writer = new BatchWriter(
      this.#settings,
      this.#tables,
      this.#offsets,
      () => this.#drop(),
      (figure, more) => context.count?.(figure, more),
    );
    this.#waiting = new WaitingRecords(this.#settings.foreignKeyWaitMs);
  }

  async open(partitions: readonly TopicPartition[]): Promise<void> {
    for (const { topic, partition } of partitions) this.#assigned.set(idOf(topic, partition), { topic, partition });
    this.#unopened.push(...partitions);
    // A server that is away must not fail the task: `put` tries again.
    await this.#lookAtTarget(partitions).catch((error: unknown) => {
      this.#drop();
      const failure = toConnectError(error, `opening ${this.#place()}`);
      if (!failure.retriable) throw failure;
      this.#context.logger.warn({ err: failure }, 'The target is not there yet.');
    });
  }

  async #lookAtTarget(partitions: readonly TopicPartition[]): Promise<void> {
    const client = await this.#takeOver();
    if (this.#settings.validates)
      await this.#tables.mustExist(client, [...new Set(partitions.map(({ topic }) => topic))]);
  }

  /**
   * Resolves once the records are committed; in a backlog once they are sent and those of the put before are committed.
   * Nothing is committed before what was put before it, and what fails later is delivered again, record by record where it
   * must be, before anything else.
   */
  async put(records: readonly SinkRecord[]): Promise<void> {
    if (this.#failed !== null) throw this.#failed;
    const isIdle = this.#waiting.isEmpty && this.#standing.length === 0 && this.#flight === null;
    if (records.length === 0 && isIdle) return;
    try {
      const runs = runsOf(records);
      this.#adopt(runs);
      if (await this.#isUnderWay(records, runs)) return;
      await this.#land();
      const client = await this.#takeOver();
      const fresh = this.#offsets === null ? records : this.#notDelivered(this.#offsets, records, runs);
      await this.#deliver(client, fresh);
    } catch (error) {
      throw await this.#judge(error);
    }
  }

  /** Sends the records behind those of the last put, and waits for those only. False where this put must be waited for. */
  async #isUnderWay(records: readonly SinkRecord[], runs: readonly Run[]): Promise<boolean> {
    const before = this.#flight;
    const client = this.#client;
    const offsets = this.#offsets;
    if (client === null || offsets === null || !this.#mayFly(records)) return false;
    const fresh = this.#notDelivered(offsets, records, runs);
    const sent = fresh.length === 0 ? null : this.#writer.send(client, fresh, before?.next ?? null);
    if (sent === null) return false;
    const flight: Flight = { records: fresh, next: sent.next, hasFailed: false, failure: failureOf(sent.done) };
    flight.failure.then((failure) => {
      flight.hasFailed = failure !== null;
    });
    if (before === null || (await before.failure) === null) {
      this.#flight = flight;
      return true;
    }
    // Nothing of it was committed: the server tells by the offsets that what was before it is not there.
    await flight.failure;
    return false;
  }

  /** Whether nothing about this put, or the one before it, needs more than one transaction that is sent at once. */
  #mayFly(records: readonly SinkRecord[]): boolean {
    if (records.length < BACKLOG_RECORDS || this.#unopened.length > 0 || this.#writer.isUncertain) return false;
    if (!this.#waiting.isEmpty || this.#standing.length > 0) return false;
    const flight = this.#flight;
    return flight === null || (!flight.hasFailed && [...flight.next.keys()].every((id) => this.#assigned.has(id)));
  }

  /** Waits for the last put; what of it was not committed is delivered now. */
  async #land(): Promise<void> {
    const flight = this.#flight;
    if (flight === null) return;
    if ((await flight.failure) !== null) {
      const client = await this.#takeOver();
      const ours = flight.records.filter((record) => this.#assigned.has(partitionOf(record)));
      const left = this.#offsets === null ? ours : this.#notDelivered(this.#offsets, ours, runsOf(ours));
      await this.#deliverAgain(client, left);
    }
    this.#flight = null;
  }

  async #deliverAgain(client: Client, records: readonly SinkRecord[]): Promise<void> {
    try {
      await this.#deliver(client, records);
    } catch (error) {
      const failure = await this.#judge(error);
      if (!(failure instanceof DataError)) throw failure;
      await this.#deliverParts(client, records);
    }
  }

  #notDelivered(offsets: SinkOffsets, records: readonly SinkRecord[], runs: readonly Run[]): readonly SinkRecord[] {
    let isNew = true;
    for (const { topic, partition, records: run } of runs) {
      const { offset } = run[0]!;
      if (offsets.isBelowFloor(topic, partition, offset)) this.#lookForNewTopic(offsets, run);
      isNew &&= !offsets.isDelivered(topic, partition, offset);
    }
    if (isNew) return records;
    return runs.flatMap(({ topic, partition, records: run }) =>
      run.filter(({ offset }) => !offsets.isDelivered(topic, partition, offset)),
    );
  }

  /** A topic that was deleted and made again begins at its beginning, whatever the offsets table says of the old one. */
  #lookForNewTopic(offsets: SinkOffsets, records: readonly SinkRecord[]): void {
    for (const { originalTopic: topic, originalPartition: partition, offset, timestamp } of records) {
      if (!offsets.startedOver(topic, partition, offset, timestamp)) continue;
      const message = `Topic ${topic} was made anew: partition ${partition} begins again at offset ${offset}, before what was delivered of the old one.`;
      this.#context.logger.warn({ topic, partition, offset }, message);
    }
  }

  /** Partitions that come without `open` are taken over too. */
  #adopt(runs: readonly Run[]): void {
    for (const { topic, partition } of runs) {
      const id = idOf(topic, partition);
      if (this.#assigned.has(id)) continue;
      this.#assigned.set(id, { topic, partition });
      this.#unopened.push({ topic, partition });
    }
  }

  /** Rows and offsets are in the target then; only what waits is nowhere yet. */
  async flush(offsets: readonly OffsetAndMetadata[]): Promise<readonly OffsetAndMetadata[] | undefined> {
    try {
      await this.#land();
    } catch (error) {
      throw await this.#judge(error);
    }
    return this.#waiting.isEmpty ? undefined : this.#waiting.allowed(offsets);
  }

  close(partitions: readonly TopicPartition[]): void {
    this.#waiting.drop(partitions);
    const lost = new Set(partitions.map(({ topic, partition }) => idOf(topic, partition)));
    this.#stand(this.#standing.filter(({ topic, partition }) => !lost.has(idOf(topic, partition))));
    for (const { topic, partition } of partitions) this.#assigned.delete(idOf(topic, partition));
    this.#offsets?.close(partitions);
    this.#unopened = this.#unopened.filter(({ topic, partition }) => this.#assigned.has(idOf(topic, partition)));
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  /** A connection that ended late must not take its successor along. */
  readonly #forget = (ended: Client): void => {
    if (this.#client === ended) this.#client = null;
  };

  /** A connection, with every assigned partition taken over and sought to where it goes on. */
  async #takeOver(): Promise<Client> {
    const client = this.#client ?? (await openSinkClient(this.#settings, this.#context.connector, this.#forget));
    this.#client = client;
    if (this.#offsets === null) return client;
    if (this.#unopened.length > 0) {
      const places = await this.#offsets.open(client, this.#unopened);
      this.#unopened = [];
      for (const [partition, next] of places) if (next !== null) this.#context.seek(partition, next);
    }
    if (this.#writer.isUncertain) await this.#lookAgain(client, this.#offsets);
    this.#writer.isUncertain = false;
    return client;
  }

  /** What was delivered, after a commit whose answer was lost. */
  async #lookAgain(client: Client, offsets: SinkOffsets): Promise<void> {
    await offsets.refresh(client);
    this.#waiting.forget(({ originalTopic, originalPartition, offset }) =>
      offsets.isDelivered(originalTopic, originalPartition, offset),
    );
  }

  /**
   * What has nothing to wait for is delivered; rows that point to rows which are not there wait for what makes them whole.
   * What waited goes along, so that a source transaction over several batches becomes one here.
   */
  async #deliver(client: Client, records: readonly SinkRecord[]): Promise<void> {
    const waiting = this.#waiting;
    const isNew = waiting.isEmpty;
    if (isNew) await this.#deliverOrWait(client, records);
    else {
      waiting.add(records.filter((record) => waiting.has(record)));
      const others = records.filter((record) => !waiting.has(record));
      const isDone = waiting.isDue() && (await this.#together(client, others));
      if (!isDone) await this.#deliverOrWait(client, others);
    }
    if (waiting.isEmpty) return this.#stand([]);
    waiting.arrived(records);
    if (!isNew && waiting.isOverdue()) await this.#giveUpWaiting(client);
    this.#stand(waiting.isEmpty ? [] : waiting.standing(records.length === 0));
  }

  /** Reads these partitions no further, and all others on. */
  #stand(partitions: readonly TopicPartition[]): void {
    const before = this.#standing;
    if (before.length === 0 && partitions.length === 0) return;
    const ids = new Set(partitions.map(({ topic, partition }) => idOf(topic, partition)));
    const free = before.filter(({ topic, partition }) => !ids.has(idOf(topic, partition)));
    this.#standing = partitions;
    if (free.length > 0) this.#context.resume(free);
    if (partitions.length > 0) this.#context.pause(partitions);
  }

  /** All that waits and these in one transaction; false where a foreign key still does not hold. */
  async #together(client: Client, others: readonly SinkRecord[]): Promise<boolean> {
    const waiting = this.#waiting;
    try {
      await this.#writer.write(client, [...waiting.records, ...others]);
    } catch (error) {
      // What is wrong with one of them is found out where each is looked at by itself.
      if (this.#isToBeWaitedFor(error) || toConnectError(error, '') instanceof DataError) {
        waiting.postpone();
        return false;
      }
      throw error;
    }
    waiting.clear();
    return true;
  }

  async #deliverOrWait(client: Client, records: readonly SinkRecord[]): Promise<void> {
    let left = records;
    while (left.length > 0) {
      try {
        return await this.#writer.write(client, left);
      } catch (error) {
        if (!this.#isToBeWaitedFor(error)) throw error;
        const { violated } = this.#writer;
        const isHeld = (record: SinkRecord) => violated === null || this.#writer.tableOf(record) === violated;
        const partitions = new Set(left.filter(isHeld).map(partitionOf));
        const held = left.filter((record) => partitions.has(partitionOf(record)));
        if (held.length === 0) throw error;
        this.#waiting.add(held);
        left = left.filter((record) => !partitions.has(partitionOf(record)));
      }
    }
    // What was left out may be what it waited for itself.
    if (this.#waiting.isDue()) await this.#together(client, []);
  }

  #isToBeWaitedFor(error: unknown): boolean {
    return this.#settings.foreignKeyWaitMs > 0 && isForeignKeyViolation(error);
  }

  /** What waited too long, in parts, until the rows that point nowhere stand alone; they are bad records. */
  async #giveUpWaiting(client: Client): Promise<void> {
    await this.#deliverParts(client, this.#waiting.records);
    this.#waiting.clear();
  }

  async #deliverParts(client: Client, records: readonly SinkRecord[]): Promise<void> {
    try {
      return await this.#writer.write(client, records);
    } catch (error) {
      const failure = await this.#judge(error);
      if (!(failure instanceof DataError)) throw failure;
      if (records.length === 1) {
        await this.#report(records[0]!, failure);
        return this.#writer.pass(client, records);
      }
    }
    const middle = records.length >> 1;
    await this.#deliverParts(client, records.slice(0, middle));
    await this.#deliverParts(client, records.slice(middle));
  }

  async #report(record: SinkRecord, failure: Error): Promise<void> {
    try {
      await this.#context.reportBadRecord(record, failure);
    } catch (error) {
      // Whatever is put from now on must not be taken for what is wrong.
      this.#failed = error as Error;
      throw error;
    }
  }

  /** The worker's word for an error. A table that changed since it was looked up may be all that is wrong. */
  async #judge(error: unknown): Promise<Error> {
    if (error === this.#failed) return this.#failed as Error;
    const state = error instanceof Error ? sqlStateOf(error) : null;
    if (state !== null && MAYBE_STALE_STATE.test(state) && (await this.#isStale())) {
      this.#drop(); // Prepared statements know the old table too.
      const message = `The target table has changed (${(error as Error).message}); the batch is put again.`;
      return new RetriableError(message, { cause: error });
    }
    const table = this.#writer.tableOfFailure(error);
    const failure = toConnectError(error, `writing to ${table === null ? '' : `table ${table} of `}${this.#place()}`);
    // A session keeps its read-only default, and a server that is a standby now stays one: only a new connection finds better.
    if (failure.code === 'PG_CONNECTION' && (state === null || state === READ_ONLY_STATE)) this.#drop();
    return failure;
  }

  async #isStale(): Promise<boolean> {
    if (this.#client === null) return false;
    return this.#tables.refresh(this.#client).catch(() => true);
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    client?.end().catch(() => {});
  }

  #place(): string {
    const { host, port, database } = addressOf(this.#settings.url);
    return `database "${database}" at ${host}:${port}`;
  }
}

async function failureOf(done: Promise<void>): Promise<unknown> {
  try {
    await done;
    return null;
  } catch (error) {
    return error;
  }
}

/** One string per partition of the log. */
function partitionOf({ originalTopic, originalPartition }: SinkRecord): string {
  return idOf(originalTopic, originalPartition);
}
