/**
 * The sink's task: each `put` is one transaction that holds the rows of the batch and the offsets behind them. Step 10
 * of the record's journey.
 *
 * All or nothing, so the worker may put the same batch again or bisect it: what was committed is recognised by its
 * offset and skipped.
 */
import type { Client } from 'pg';
import {
  type Config,
  RetriableError,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../api/index.ts';
import { sqlStateOf, toConnectError } from './errors.ts';
import { type SinkChange, type TargetName, toChange } from './sink-change.ts';
import { openSinkClient } from './sink-client.ts';
import { type SinkDialect, type SinkSettings, sinkSettings } from './sink-config.ts';
import { idOf, type Reached, SinkOffsets } from './sink-offsets.ts';
import { reduced, type Statement, statementsFor } from './sink-statements.ts';
import { addressOf } from './sink-url.ts';
import { type TargetTable, TargetTables } from './target-tables.ts';

/** What a table that changed behind our back may answer: undefined things, other types, an outgrown plan. */
const MAYBE_STALE_STATE = /^(22|42|0A000)/;

/** Records made into statements at once; small enough that the server begins soon, large enough for good statements. */
const SLICE_RECORDS = 500;

interface TableWork {
  readonly table: TargetTable;
  readonly changes: readonly SinkChange[];
}

/** A slice needs what only a look at the server can tell; the batch begins again. */
class LookFirst extends Error {}

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
  /** The last commit may have happened without our hearing of it. */
  #isUncertain = false;

  constructor(dialect: SinkDialect) {
    this.#dialect = dialect;
  }

  start(context: SinkTaskContext, config: Config): void {
    this.#context = context;
    this.#settings = sinkSettings(config, this.#dialect);
    this.#tables = new TargetTables(this.#settings);
    const { offsetsTable } = this.#settings;
    this.#offsets = offsetsTable === null ? null : new SinkOffsets(offsetsTable, context.connector);
  }

  async open(partitions: readonly TopicPartition[]): Promise<void> {
    for (const { topic, partition } of partitions) this.#assigned.set(idOf(topic, partition), { topic, partition });
    this.#unopened.push(...partitions);
    // A server that is away must not fail the task: `put` tries again.
    await this.#takeOver().catch((error: unknown) => {
      this.#drop();
      const failure = toConnectError(error, `opening ${this.#place()}`);
      if (!failure.retriable) throw failure;
      this.#context.logger.warn({ err: failure }, 'The target is not there yet.');
    });
  }

  async put(records: readonly SinkRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      this.#adopt(records);
      const client = await this.#takeOver();
      const offsets = this.#offsets;
      if (offsets !== null) this.#lookForNewTopics(offsets, records);
      const fresh =
        offsets === null
          ? records
          : records.filter(
              (record) => !offsets.isDelivered(record.originalTopic, record.originalPartition, record.offset),
            );
      if (fresh.length > 0) await this.#deliver(client, fresh);
    } catch (error) {
      throw await this.#judge(error);
    }
  }

  /** A topic that was deleted and made again begins at its beginning, whatever the offsets table says of the old one. */
  #lookForNewTopics(offsets: SinkOffsets, records: readonly SinkRecord[]): void {
    for (const { originalTopic: topic, originalPartition: partition, offset, timestamp } of records) {
      if (!offsets.startedOver(topic, partition, offset, timestamp)) continue;
      const message = `Topic ${topic} was made anew: partition ${partition} begins again at offset ${offset}, before what was delivered of the old one.`;
      this.#context.logger.warn({ topic, partition, offset }, message);
    }
  }

  /** Partitions that come without `open` are taken over too. */
  #adopt(records: readonly SinkRecord[]): void {
    for (const { originalTopic: topic, originalPartition: partition } of records) {
      const id = idOf(topic, partition);
      if (this.#assigned.has(id)) continue;
      this.#assigned.set(id, { topic, partition });
      this.#unopened.push({ topic, partition });
    }
  }

  close(partitions: readonly TopicPartition[]): void {
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
    if (this.#isUncertain) await this.#offsets.refresh(client);
    this.#isUncertain = false;
    return client;
  }

  /** In slices where nothing has to be looked up: the server works on one while the next is made. */
  async #deliver(client: Client, records: readonly SinkRecord[]): Promise<void> {
    const next = nextOffsets(records);
    const first = this.#statementsNow(records.slice(0, SLICE_RECORDS));
    if (first !== null) {
      try {
        return await this.#transact(client, this.#slices(first, records), next);
      } catch (error) {
        if (!(error instanceof LookFirst)) throw error;
      }
    }
    const work: TableWork[] = [];
    for (const [target, changes] of this.#folded(records)) {
      const table = await this.#tables.prepare(client, target, changes);
      if (table !== null) work.push({ table, changes });
    }
    await this.#transact(client, [this.#inOrder(work)], next);
  }

  *#slices(first: readonly Statement[], records: readonly SinkRecord[]): Generator<readonly Statement[]> {
    yield first;
    for (let from = SLICE_RECORDS; from < records.length; from += SLICE_RECORDS) {
      const statements = this.#statementsNow(records.slice(from, from + SLICE_RECORDS));
      if (statements === null) throw new LookFirst();
      yield statements;
    }
  }

  /** The statements for these records, or null where a table must be looked at or all records be seen together. */
  #statementsNow(records: readonly SinkRecord[]): readonly Statement[] | null {
    const work: TableWork[] = [];
    for (const [target, changes] of this.#folded(records)) {
      const table = this.#tables.ready(target, changes);
      // Rows that point to one another are ordered over the whole batch.
      if (table === null || table.parents.length > 0) return null;
      work.push({ table, changes });
    }
    return this.#inOrder(work);
  }

  #folded(records: readonly SinkRecord[]): [TargetName, readonly SinkChange[]][] {
    const settings = this.#settings;
    const changes = records.flatMap((record) => toChange(record, settings) ?? []);
    return [...byTarget(changes)].map(([target, all]) => [target, reduced(all, settings)]);
  }

  /** Rows of a table before the rows that point to them; deletes the other way round, and before all rows. */
  #inOrder(work: readonly TableWork[]): Statement[] {
    const sorted = parentsFirst(work);
    const made = sorted.map(({ table, changes }) => statementsFor(table, changes, this.#settings));
    const hasParents = work.some(({ table }) => table.parents.length > 0);
    if (!hasParents) return made.flat();
    const deletes = made.map((statements) => statements.filter(({ isDelete }) => isDelete));
    return [...deletes.reverse().flat(), ...made.flat().filter(({ isDelete }) => !isDelete)];
  }

  async #transact(
    client: Client,
    batches: Iterable<readonly Statement[]>,
    next: ReadonlyMap<string, Reached>,
  ): Promise<void> {
    const sent: Promise<unknown>[] = [];
    const send = (answer: Promise<unknown>) => {
      answer.catch(() => {}); // Awaited below; until then nobody listens.
      sent.push(answer);
    };
    try {
      send(client.query('BEGIN'));
      if (this.#offsets !== null) send(this.#offsets.write(client, next));
      for (const statements of batches) {
        for (const { text, rows } of statements)
          send(client.query({ name: statementName(text), text, values: rows === null ? [] : [rows] }));
      }
      await Promise.all(sent);
      this.#isUncertain = true;
      await client.query('COMMIT');
      this.#isUncertain = false;
      this.#offsets?.committed(next);
    } catch (error) {
      if (error instanceof LookFirst || sqlStateOf(error as Error) !== null) this.#isUncertain = false;
      await Promise.allSettled(sent);
      await client.query('ROLLBACK').catch(() => this.#drop());
      throw error;
    }
  }

  /** The worker's word for an error. A table that changed since it was looked up may be all that is wrong. */
  async #judge(error: unknown): Promise<Error> {
    const state = error instanceof Error ? sqlStateOf(error) : null;
    if (state !== null && MAYBE_STALE_STATE.test(state) && (await this.#isStale())) {
      this.#drop(); // Prepared statements know the old table too.
      const message = `The target table has changed (${(error as Error).message}); the batch is put again.`;
      return new RetriableError(message, { cause: error });
    }
    const failure = toConnectError(error, `writing to ${this.#place()}`);
    if (failure.code === 'PG_CONNECTION' && state === null) this.#drop();
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

/** Changes by table, tables in the order in which they appear. */
export function byTarget(changes: readonly SinkChange[]): Map<TargetName, SinkChange[]> {
  const groups = new Map<TargetName, SinkChange[]>();
  for (const change of changes) {
    const group = groups.get(change.target);
    if (group === undefined) groups.set(change.target, [change]);
    else group.push(change);
  }
  return groups;
}

/** Tables before the tables that point to them; a circle stays in the order in which it came. */
function parentsFirst(work: readonly TableWork[]): TableWork[] {
  const sorted: TableWork[] = [];
  const seen = new Set<TableWork>();
  const visit = (one: TableWork) => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const parent of work) if (one.table.parents.includes(parent.table.oid)) visit(parent);
    sorted.push(one);
  };
  work.forEach(visit);
  return sorted;
}

function nextOffsets(records: readonly SinkRecord[]): Map<string, Reached> {
  const next = new Map<string, Reached>();
  for (const { originalTopic, originalPartition, offset, timestamp } of records) {
    next.set(idOf(originalTopic, originalPartition), { offset: offset + 1, timestamp });
  }
  return next;
}

/** Prepared statements are told apart by name; Postgres cuts names at 63 bytes. */
const names = new Map<string, string>();

function statementName(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `millrace-${names.size}`;
    names.set(text, name);
  }
  return name;
}
