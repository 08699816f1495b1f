/**
 * Connector configs, task configs and target states, in Kafka Connect's own record formats (`connect-configs`).
 *
 * Keys: `connector-<c>`, `task-<c>-<n>`, `commit-<c>`, `target-state-<c>`, `tasks-fencing-<c>`. Task configs become visible only with the
 * commit record behind them, so a crash in between leaves the old set. Values hold `${…}` references as written, never
 * what they resolve to. (org.apache.kafka.connect.storage.KafkaConfigBackingStore)
 */

import type { Logger } from '../../connectors/api/index.ts';
import type { LogClient } from '../log/client.ts';
import { CompactedTable, type CompactedTopic, parseStored } from './compacted-table.ts';

export type TargetState = 'STARTED' | 'PAUSED' | 'STOPPED';
export type RawConfig = Readonly<Record<string, string>>;

const CONNECTOR = 'connector-';
const TASK = 'task-';
const COMMIT = 'commit-';
const TARGET_STATE = 'target-state-';
/** KIP-618: how many tasks of an exactly-once source may still write, so that a new set knows whom to fence. */
const TASK_COUNT = 'tasks-fencing-';
/** Ours alone: which connectors came from the folder of files. Kafka Connect skips keys it does not know. */
const FOLDER = 'millrace-folder';
/** Ours alone too: which worker of the group started last. */
const WORKER = 'millrace-worker';

export class ConfigStore {
  readonly #connectors = new Map<string, RawConfig>();
  readonly #targetStates = new Map<string, TargetState>();
  readonly #tasks = new Map<string, readonly RawConfig[]>();
  readonly #taskCounts = new Map<string, number>();
  /** Task configs whose commit record has not been read yet. */
  readonly #uncommitted = new Map<string, Map<number, RawConfig>>();
  readonly #logger: Logger;
  #folder: readonly string[] = [];
  #claimant: { readonly id: string; readonly workerId: string; readonly since: number } | null = null;
  /** Called when another worker, or this one, has claimed the group. */
  onClaim: () => void = () => {};
  #table!: CompactedTable;

  private constructor(logger: Logger) {
    this.#logger = logger;
  }

  static async open(log: LogClient, topic: CompactedTopic, logger: Logger): Promise<ConfigStore> {
    const store = new ConfigStore(logger);
    store.#table = await CompactedTable.open(log, topic, (key, value) => store.#apply(key, value));
    return store;
  }

  names(): readonly string[] {
    return [...this.#connectors.keys()];
  }

  config(connector: string): RawConfig | undefined {
    return this.#connectors.get(connector);
  }

  targetState(connector: string): TargetState {
    return this.#targetStates.get(connector) ?? 'STARTED';
  }

  taskConfigs(connector: string): readonly RawConfig[] {
    return this.#tasks.get(connector) ?? [];
  }

  async putConnector(connector: string, config: RawConfig, targetState?: TargetState): Promise<void> {
    const changes = targetState === undefined ? [] : [targetStateChange(connector, targetState)];
    const value = JSON.stringify({ properties: config });
    await this.#table.put([...changes, { key: CONNECTOR + connector, value }]);
  }

  async putTargetState(connector: string, state: TargetState): Promise<void> {
    await this.#table.put([targetStateChange(connector, state)]);
  }

  /** Writes the set and its commit record in one append; nothing when the same set is already there. */
  async putTaskConfigs(connector: string, configs: readonly RawConfig[]): Promise<void> {
    if (JSON.stringify(configs) === JSON.stringify(this.taskConfigs(connector))) return;
    const tasks = configs.map((properties, task) => ({
      key: `${TASK}${connector}-${task}`,
      value: JSON.stringify({ properties }),
    }));
    await this.#table.put([...tasks, { key: COMMIT + connector, value: JSON.stringify({ tasks: configs.length }) }]);
  }

  /** How many tasks the last set that was fenced for had; 0 when there was none. */
  taskCount(connector: string): number {
    return this.#taskCounts.get(connector) ?? 0;
  }

  async putTaskCount(connector: string, count: number): Promise<void> {
    if (count === this.taskCount(connector)) return;
    await this.#table.put([{ key: TASK_COUNT + connector, value: JSON.stringify({ 'task-count': count }) }]);
  }

  /** The connectors that came from the folder the last time it was applied. */
  folder(): readonly string[] {
    return this.#folder;
  }

  async putFolder(names: readonly string[]): Promise<void> {
    if (JSON.stringify(names) === JSON.stringify(this.#folder)) return;
    await this.#table.put([{ key: FOLDER, value: JSON.stringify({ names }) }]);
  }

  /** The worker that claimed the group last. */
  claimant() {
    return this.#claimant;
  }

  async putClaimant(claimant: {
    readonly id: string;
    readonly workerId: string;
    readonly since: number;
  }): Promise<void> {
    await this.#table.put([{ key: WORKER, value: JSON.stringify(claimant) }]);
  }

  /** Resolves when everything written before the call, by whomever, can be read here. */
  async readToEnd(): Promise<void> {
    await this.#table.readToEnd();
  }

  /** Forgets the connector; its offsets and its group's survive, as in Kafka Connect. */
  async remove(connector: string): Promise<void> {
    await this.#table.put([
      { key: CONNECTOR + connector, value: null },
      { key: TARGET_STATE + connector, value: null },
      // Compaction forgets tombstones, but not the task configs: without this they would be the next connector's.
      { key: COMMIT + connector, value: JSON.stringify({ tasks: 0 }) },
    ]);
  }

  async close(): Promise<void> {
    await this.#table.close();
  }

  #apply(key: string, text: string | null): void {
    const value = text === null ? null : parseStored(text, () => this.#warn(key));
    if (text !== null && value === null) return;
    if (key === FOLDER) this.#folder = Array.isArray(value?.names) ? value.names.map(String) : [];
    else if (key === WORKER) this.#applyClaimant(value);
    else if (key.startsWith(TASK_COUNT)) this.#taskCounts.set(key.slice(TASK_COUNT.length), countOf(value));
    else if (key.startsWith(TARGET_STATE)) this.#applyTargetState(key.slice(TARGET_STATE.length), value);
    else if (key.startsWith(CONNECTOR)) this.#applyConnector(key.slice(CONNECTOR.length), value);
    else if (key.startsWith(COMMIT)) this.#applyCommit(key.slice(COMMIT.length), value);
    else if (key.startsWith(TASK)) this.#applyTask(key.slice(TASK.length), value);
  }

  #applyClaimant(value: Record<string, unknown> | null): void {
    if (value === null) return;
    this.#claimant = { id: String(value.id), workerId: String(value.workerId), since: Number(value.since) };
    this.onClaim();
  }

  #applyTargetState(connector: string, value: Record<string, unknown> | null): void {
    const state = value?.['state.v2'] ?? value?.state;
    if (state === 'STARTED' || state === 'PAUSED' || state === 'STOPPED') this.#targetStates.set(connector, state);
    else this.#targetStates.delete(connector);
  }

  #applyConnector(connector: string, value: Record<string, unknown> | null): void {
    if (value !== null) {
      this.#connectors.set(connector, strings(value.properties));
      return;
    }
    this.#connectors.delete(connector);
    this.#targetStates.delete(connector);
    this.#tasks.delete(connector);
    this.#uncommitted.delete(connector);
  }

  #applyTask(name: string, value: Record<string, unknown> | null): void {
    const match = /^(.+)-(\d+)$/.exec(name);
    if (match === null || value === null) return;
    const connector = match[1]!;
    const waiting = this.#uncommitted.get(connector) ?? new Map<number, RawConfig>();
    waiting.set(Number(match[2]), strings(value.properties));
    this.#uncommitted.set(connector, waiting);
  }

  /** Compaction may have removed task records that a later set replaced; then the set waits for the next commit. */
  #applyCommit(connector: string, value: Record<string, unknown> | null): void {
    const count = Number(value?.tasks);
    if (!Number.isInteger(count)) return;
    const waiting = this.#uncommitted.get(connector);
    const current = this.#tasks.get(connector) ?? [];
    const configs = Array.from({ length: count }, (_, task) => waiting?.get(task) ?? current[task]);
    if (configs.every((config) => config !== undefined)) this.#tasks.set(connector, configs);
    this.#uncommitted.delete(connector);
  }

  #warn(key: string): void {
    this.#logger.warn({ topic: this.#table?.topic, key }, 'A stored config is no JSON object and was skipped.');
  }
}

/** STOPPED is written as PAUSED in the old field, so that workers older than KIP-875 do not run the connector. */
function targetStateChange(connector: string, state: TargetState) {
  const old = state === 'STOPPED' ? 'PAUSED' : state;
  return { key: TARGET_STATE + connector, value: JSON.stringify({ state: old, 'state.v2': state }) };
}

function countOf(value: Record<string, unknown> | null): number {
  const count = Number(value?.['task-count'] ?? 0);
  return Number.isInteger(count) && count > 0 ? count : 0;
}

function strings(properties: unknown): RawConfig {
  return Object.fromEntries(Object.entries((properties ?? {}) as object).map(([key, value]) => [key, String(value)]));
}
