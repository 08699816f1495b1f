/**
 * The fleet source: a simulated fleet writes to a topic, for trying things out and for tests that know what must come.
 * Step 1 of the record's journey.
 *
 * What was not written while the task was down is due when it comes back: nothing of the plan is ever left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Config,
  type ConnectorContext,
  DataError,
  JsonText,
  Schemas,
  type SourceConnector,
  type SourceOffset,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
} from '../api/index.ts';
import { type SimSettings, simSettings } from './config.ts';
import { type Delivery, type FleetRules, inOrder, payloadOf } from './fleet.ts';
import { FleetStream } from './fleet-stream.ts';
import { truckId } from './truck.ts';

/** Trucks are spread over so many source partitions, however many tasks there are. */
const SHARDS = 16;
const BATCH = 2000;
const POLL_WAIT_MS = 500;

export class SimFleetSource implements SourceConnector {
  start(_context: ConnectorContext, config: Config): void {
    simSettings(config);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const tasks = Math.min(maxTasks, SHARDS);
    return Array.from({ length: tasks }, (_, task) => {
      const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => shard % tasks === task);
      return { 'sim.task.shards': shards.join(',') };
    });
  }

  createTask(): SimFleetTask {
    return new SimFleetTask();
  }

  stop(): void {}

  async check(): Promise<readonly []> {
    return [];
  }
}

/** How far a shard has got, and which world it belongs to. */
interface ShardOffset extends Delivery {
  readonly startMs: number;
  readonly wallMs: number;
}

export class SimFleetTask implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SimSettings;
  #rules!: FleetRules;
  #stream!: FleetStream;
  /** When the simulated world began by our clock. */
  #wallMs = 0;
  readonly #done = new Map<number, ShardOffset>();

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = simSettings(config);
    const shards = config.list('sim.task.shards').map(Number);
    const mine = new Set(shards.length === 0 ? Array.from({ length: SHARDS }, (_, shard) => shard) : shards);
    const all = Array.from({ length: SHARDS }, (_, shard) => this.#partition(shard));
    for (const [shard, offset] of (await context.offsets(all)).entries()) {
      if (offset !== null) this.#done.set(shard, shardOffset(offset));
    }
    this.#begin(mine);
  }

  async poll(): Promise<readonly SourceRecord[] | null> {
    const due = this.#stream.take(this.#nowMs(), BATCH);
    if (due.length === 0) await this.#rest();
    const records: SourceRecord[] = [];
    for (const delivery of due) {
      const shard = delivery.truck % SHARDS;
      const done = this.#done.get(shard);
      if (done !== undefined && inOrder(delivery, done) <= 0) continue;
      const record = await this.#toRecord(delivery, shard);
      if (record !== null) records.push(record);
    }
    return records;
  }

  stop(): void {}

  /** The world goes on where its offsets say it began; a new one begins at a round moment. */
  #begin(mine: ReadonlySet<number>): void {
    const [known] = this.#done.values();
    const { intervalMs } = this.#settings.rules;
    const nowMs = Math.floor(Date.now() / intervalMs) * intervalMs;
    this.#wallMs = known?.wallMs ?? nowMs;
    this.#rules = { ...this.#settings.rules, startMs: known?.startMs ?? this.#settings.startMs ?? nowMs };
    const places = [...mine].map((shard) => this.#done.get(shard)?.atMs ?? this.#rules.startMs);
    this.#stream = new FleetStream(this.#rules, {
      fromMs: Math.min(...places),
      isOurs: (truck) => mine.has(truck % SHARDS),
      reportsMax: this.#settings.reportsMax,
    });
  }

  /** Now, in the simulated world. */
  #nowMs(): number {
    return this.#rules.startMs + (Date.now() - this.#wallMs) * this.#settings.speed;
  }

  async #rest(): Promise<void> {
    const untilMs = (this.#stream.nextMs() - this.#nowMs()) / this.#settings.speed;
    const { signal } = this.#context;
    await sleep(Math.min(Math.max(untilMs, 1), POLL_WAIT_MS), undefined, { signal }).catch(() => undefined);
  }

  #partition(shard: number) {
    return { fleet: this.#settings.rules.seed, shard };
  }

  /** Null for what is no JSON: that is bad input, and the error policy's. */
  async #toRecord(delivery: Delivery, shard: number): Promise<SourceRecord | null> {
    const { truck, seq, copy, atMs } = delivery;
    const { text, isBad } = payloadOf(this.#rules, truck, seq);
    const bytes = Buffer.from(text);
    const key = truckId(truck);
    const sourcePartition = this.#partition(shard);
    if (isBad && !isJson(text)) {
      const error = new DataError(`Report ${seq} of truck ${key} is no JSON.`, { code: 'SIM_BAD_REPORT' });
      await this.#context.reportBadInput({
        error,
        source: { ...sourcePartition, truck: key, seq },
        bytes,
        key: Buffer.from(key),
      });
      return null;
    }
    return {
      sourcePartition,
      sourceOffset: { truck, seq, copy, atMs, startMs: this.#rules.startMs, wallMs: this.#wallMs },
      topic: this.#settings.topic,
      partition: null,
      keySchema: Schemas.string,
      key,
      valueSchema: null,
      value: new JsonText(bytes),
      headers: [],
      timestamp: Math.round(atMs),
    };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function shardOffset(offset: SourceOffset): ShardOffset {
  const number = (name: string): number => Number(offset[name] ?? 0);
  return {
    truck: number('truck'),
    seq: number('seq'),
    copy: number('copy'),
    atMs: number('atMs'),
    startMs: number('startMs'),
    wallMs: number('wallMs'),
  };
}
