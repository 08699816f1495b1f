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
import { idOf, SinkOffsets } from './sink-offsets.ts';
import { foldByKey, type Statement, statementsFor } from './sink-statements.ts';
import { TargetTables } from './target-tables.ts';

/** What a table that changed behind our back may answer: undefined things, other types, an outgrown plan. */
const MAYBE_STALE_STATE = /^(22|42|0A000)/;

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

  async #deliver(client: Client, records: readonly SinkRecord[]): Promise<void> {
    const changes = records.flatMap((record) => toChange(record, this.#settings) ?? []);
    const statements: Statement[] = [];
    for (const [target, ofTable] of byTarget(changes)) {
      const folded =
        this.#settings.insertMode === 'insert' && !this.#settings.deletes
          ? ofTable
          : foldByKey(ofTable, this.#settings);
      const table = await this.#tables.prepare(client, target, folded);
      statements.push(...statementsFor(table, folded, this.#settings));
    }
    await this.#transact(client, statements, nextOffsets(records));
  }

  async #transact(client: Client, statements: readonly Statement[], next: ReadonlyMap<string, number>): Promise<void> {
    await client.query('BEGIN');
    try {
      await this.#offsets?.write(client, next);
      for (const { text, rows } of statements) {
        await client.query({ name: statementName(text), text, values: [rows] });
      }
      this.#isUncertain = true;
      await client.query('COMMIT');
      this.#isUncertain = false;
      this.#offsets?.committed(next);
    } catch (error) {
      if (sqlStateOf(error as Error) !== null) this.#isUncertain = false;
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
    const { host, pathname } = new URL(this.#settings.url);
    return `database "${pathname.slice(1)}" at ${host}`;
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

function nextOffsets(records: readonly SinkRecord[]): Map<string, number> {
  const next = new Map<string, number>();
  for (const record of records) next.set(idOf(record.originalTopic, record.originalPartition), record.offset + 1);
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
