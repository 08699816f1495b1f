/**
 * The fleet source: a simulated fleet writes to a topic, for trying things out and for tests that know what must come.
 * Step 1 of the record's journey.
 *
 * What was not written while the task was down is due when it comes back: nothing of the plan is ever left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BadInput,
  type Config,
  type ConnectorContext,
  DataError,
  JsonText,
  type PreviewRequest,
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
/** No fault holds a report back for longer. */
const SAMPLE_SPARE_INTERVALS = 10;

/** Milliseconds since the epoch. */
type Clock = () => number;

export class SimFleetSource implements SourceConnector {
  readonly #clock: Clock;
  #startedMs = 0;

  constructor(clock: Clock = Date.now) {
    this.#clock = clock;
  }

  start(_context: ConnectorContext, config: Config): void {
    simSettings(config);
    this.#startedMs = this.#clock();
  }

  /** All tasks are told one moment, so that a world without offsets begins for all of them alike. */
  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const tasks = Math.min(maxTasks, SHARDS);
    return Array.from({ length: tasks }, (_, task) => {
      const shards = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => shard % tasks === task);
      return { 'sim.task.shards': shards.join(','), 'sim.task.started.ms': String(this.#startedMs) };
    });
  }

  createTask(): SimFleetTask {
    return new SimFleetTask(this.#clock);
  }

  stop(): void {}

  /** What a fleet that begins now reports first; nobody waits for it to drive. */
  async sample(config: Config, max: number, { logger }: PreviewRequest): Promise<readonly SourceRecord[]> {
    const settings = simSettings(config);
    const world = newWorld(settings, this.#clock());
    const { startMs, intervalMs } = world.rules;
    const untilMs = startMs + (max + SAMPLE_SPARE_INTERVALS) * intervalMs;
    const due = new FleetStream(world.rules, { reportsMax: settings.reportsMax }).take(untilMs, max);
    return due.flatMap((delivery) => {
      const report = toReport(world, delivery);
      if ('record' in report) return [report.record];
      logger.warn({}, `Bad input: ${report.error.message}`);
      return [];
    });
  }

  async check(): Promise<readonly []> {
    return [];
  }
}

/** How far a shard has got, and which world it belongs to. */
interface ShardOffset extends Delivery {
  readonly startMs: number;
  readonly wallMs: number;
}

/** One run of the simulated world: its rules, with the moment it began, there and by our clock. */
interface World {
  readonly topic: string;
  readonly rules: FleetRules;
  readonly wallMs: number;
}

export class SimFleetTask implements SourceTask {
  readonly #clock: Clock;
  #context!: SourceTaskContext;
  #settings!: SimSettings;
  #world!: World;
  #stream!: FleetStream;
  readonly #done = new Map<number, ShardOffset>();

  constructor(clock: Clock = Date.now) {
    this.#clock = clock;
  }

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = simSettings(config);
    const shards = config.list('sim.task.shards').map(Number);
    const mine = new Set(shards.length === 0 ? Array.from({ length: SHARDS }, (_, shard) => shard) : shards);
    const all = Array.from({ length: SHARDS }, (_, shard) => partitionOf(this.#settings.rules, shard));
    for (const [shard, offset] of (await context.offsets(all)).entries()) {
      if (offset !== null) this.#done.set(shard, shardOffset(offset));
    }
    this.#begin(mine, config.optionalNumber('sim.task.started.ms') ?? this.#clock());
  }

  async poll(): Promise<readonly SourceRecord[] | null> {
    const due = this.#stream.take(this.#nowMs(), BATCH);
    if (due.length === 0) await this.#rest();
    const records: SourceRecord[] = [];
    for (const delivery of due) {
      const done = this.#done.get(delivery.truck % SHARDS);
      if (done !== undefined && inOrder(delivery, done) <= 0) continue;
      const report = toReport(this.#world, delivery);
      if ('record' in report) records.push(report.record);
      else await this.#context.reportBadInput(report);
    }
    return records;
  }

  stop(): void {}

  /** The world goes on where its offsets say it began. */
  #begin(mine: ReadonlySet<number>, startedMs: number): void {
    const [known] = this.#done.values();
    const fresh = newWorld(this.#settings, startedMs);
    const { startMs, wallMs } = known ?? { startMs: fresh.rules.startMs, wallMs: fresh.wallMs };
    this.#world = { ...fresh, rules: { ...fresh.rules, startMs }, wallMs };
    const places = [...mine].map((shard) => this.#done.get(shard)?.atMs ?? startMs);
    this.#stream = new FleetStream(this.#world.rules, {
      fromMs: Math.min(...places),
      isOurs: (truck) => mine.has(truck % SHARDS),
      reportsMax: this.#settings.reportsMax,
    });
  }

  /** Now, in the simulated world. */
  #nowMs(): number {
    const { rules, wallMs } = this.#world;
    return rules.startMs + (this.#clock() - wallMs) * this.#settings.speed;
  }

  async #rest(): Promise<void> {
    const untilMs = (this.#stream.nextMs() - this.#nowMs()) / this.#settings.speed;
    const { signal } = this.#context;
    await sleep(Math.min(Math.max(untilMs, 1), POLL_WAIT_MS), undefined, { signal }).catch(() => undefined);
  }
}

/** A world that begins now, at a round moment. */
function newWorld({ topic, rules, startMs }: SimSettings, nowMs: number): World {
  const wallMs = Math.floor(nowMs / rules.intervalMs) * rules.intervalMs;
  return { topic, rules: { ...rules, startMs: startMs ?? wallMs }, wallMs };
}

function partitionOf({ seed }: Pick<FleetRules, 'seed'>, shard: number) {
  return { fleet: seed, shard };
}

/** What is no JSON is bad input, and the error policy's. */
function toReport({ topic, rules, wallMs }: World, delivery: Delivery): { record: SourceRecord } | BadInput {
  const { truck, seq, copy, atMs } = delivery;
  const { text, isBad } = payloadOf(rules, truck, seq);
  const bytes = Buffer.from(text);
  const key = truckId(truck);
  const sourcePartition = partitionOf(rules, truck % SHARDS);
  if (isBad && !isJson(text)) {
    const error = new DataError(`Report ${seq} of truck ${key} is no JSON.`, { code: 'SIM_BAD_REPORT' });
    return { error, source: { ...sourcePartition, truck: key, seq }, bytes, key: Buffer.from(key) };
  }
  return {
    record: {
      sourcePartition,
      sourceOffset: { truck, seq, copy, atMs, startMs: rules.startMs, wallMs },
      topic,
      partition: null,
      keySchema: Schemas.string,
      key,
      valueSchema: null,
      value: new JsonText(bytes),
      headers: [],
      timestamp: Math.round(atMs),
    },
  };
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
