/**
 * What connectors and tasks are doing, for REST and for other workers (`connect-status`).
 *
 * Keys: `status-connector-<c>`, `status-task-<c>-<n>`, `status-topic-<t>:connector-<c>`. A status is shown at once and
 * written in the background: losing one in a crash costs nothing, the next start writes a new one.
 */
import type { Logger } from '../../connectors/api/index.ts';
import type { LogClient } from '../log/client.ts';
import { CompactedTable, type CompactedTopic, parseStored } from './compacted-table.ts';

/** Kafka Connect's words; STOPPED is for connectors only. */
export type State = 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'FAILED' | 'RESTARTING' | 'STOPPED';

export interface Status {
  readonly state: State;
  /** The cause chain, present when FAILED, or RESTARTING after a failure. */
  readonly trace?: string;
  readonly workerId: string;
}

/** One worker is a group that never changes. */
const GENERATION = 1;

export class StatusStore {
  readonly #statuses = new Map<string, Status>();
  readonly #topics = new Map<string, Set<string>>();
  /** Known for certain only when the REST door is open. */
  workerId: string;
  /** The version of a connector's plugin, kept with its statuses since Kafka 4.1 (KIP-891). */
  versionOf: (connector: string) => string | null = () => null;
  /** Takes out of a trace what must not be shown; set by the worker once it knows. */
  hide: (text: string) => string = (text) => text;
  readonly #logger: Logger;
  #table: CompactedTable | undefined;
  #writes: Promise<void> = Promise.resolve();

  private constructor(workerId: string, logger: Logger) {
    this.workerId = workerId;
    this.#logger = logger;
  }

  static async open(log: LogClient, topic: CompactedTopic, workerId: string, logger: Logger): Promise<StatusStore> {
    const store = new StatusStore(workerId, logger);
    store.#table = await CompactedTable.open(log, topic, (key, value) => store.#apply(key, value));
    return store;
  }

  connector(connector: string): Status | undefined {
    return this.#statuses.get(connectorKey(connector));
  }

  task(connector: string, task: number): Status | undefined {
    return this.#statuses.get(taskKey(connector, task));
  }

  putConnector(connector: string, state: State, trace?: string): void {
    this.#put(connectorKey(connector), connector, state, trace);
  }

  putTask(connector: string, task: number, state: State, trace?: string): void {
    this.#put(taskKey(connector, task), connector, state, trace);
  }

  /** Forgets everything about a deleted connector, or about tasks that are no more. */
  forgetConnector(connector: string): void {
    this.#forget(connectorKey(connector));
    this.resetTopics(connector);
  }

  forgetTask(connector: string, task: number): void {
    this.#forget(taskKey(connector, task));
  }

  /** The topics a connector has used since it was created or reset (KIP-558). */
  topics(connector: string): readonly string[] {
    return [...(this.#topics.get(connector) ?? [])];
  }

  addTopic(connector: string, task: number, topic: string): void {
    const topics = this.#topicsOf(connector);
    if (topics.has(topic)) return;
    topics.add(topic);
    const value = { topic: { name: topic, connector, task, discoverTimestamp: Date.now() } };
    this.#write(topicKey(connector, topic), JSON.stringify(value));
  }

  resetTopics(connector: string): void {
    for (const topic of this.topics(connector)) this.#write(topicKey(connector, topic), null);
    this.#topics.delete(connector);
  }

  async close(): Promise<void> {
    await this.#writes;
    await this.#table?.close();
  }

  #put(key: string, connector: string, state: State, said: string | undefined): void {
    const trace = said === undefined ? undefined : this.hide(said);
    this.#statuses.set(key, { state, workerId: this.workerId, ...(trace === undefined ? {} : { trace }) });
    // What is not at work yet, or about to be again, has no version.
    const version = state === 'UNASSIGNED' || state === 'RESTARTING' ? null : this.versionOf(connector);
    const value = { state, trace: trace ?? null, worker_id: this.workerId, generation: GENERATION, version };
    this.#write(key, JSON.stringify(value));
  }

  #forget(key: string): void {
    if (this.#statuses.delete(key)) this.#write(key, null);
  }

  #write(key: string, value: string | null): void {
    this.#writes = this.#writes
      .then(() => this.#table?.put([{ key, value }]))
      .catch((error: unknown) => this.#logger.warn({ key, err: error }, 'A status could not be written to the log.'));
  }

  /** Our own statuses are newer in memory than in the topic, so only other workers' are taken from it. */
  #apply(key: string, text: string | null): void {
    const value = text === null ? null : parseStored(text, () => {});
    if (key.startsWith('status-topic-')) {
      this.#applyTopic(key, value);
      return;
    }
    const isLoading = this.#table === undefined;
    if (value === null) {
      if (isLoading) this.#statuses.delete(key);
      return;
    }
    if (!isLoading && value.worker_id === this.workerId) return;
    const trace = typeof value.trace === 'string' ? { trace: value.trace } : {};
    this.#statuses.set(key, { state: value.state as State, workerId: String(value.worker_id), ...trace });
  }

  #applyTopic(key: string, value: Record<string, unknown> | null): void {
    const isLoading = this.#table === undefined;
    if (value === null && isLoading) {
      const [, name, connector] = /^status-topic-([^:]+):connector-(.+)$/.exec(key) ?? [];
      if (name !== undefined && connector !== undefined) this.#topics.get(connector)?.delete(name);
    }
    if (!isLoading) return;
    const topic = value?.topic as { name?: unknown; connector?: unknown } | undefined;
    if (typeof topic?.name !== 'string' || typeof topic.connector !== 'string') return;
    this.#topicsOf(topic.connector).add(topic.name);
  }

  #topicsOf(connector: string): Set<string> {
    const topics = this.#topics.get(connector) ?? new Set<string>();
    this.#topics.set(connector, topics);
    return topics;
  }
}

const connectorKey = (connector: string) => `status-connector-${connector}`;
const taskKey = (connector: string, task: number) => `status-task-${connector}-${task}`;
const topicKey = (connector: string, topic: string) => `status-topic-${topic}:connector-${connector}`;
