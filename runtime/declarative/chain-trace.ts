/**
 * Runs single records through a connector's transforms and converters, outside any worker, and keeps what each stage made
 * of them. What previews and config tests are made of.
 */
import type { ConnectRecord, SchemaRegistry, SinkRecord, SourceRecord } from '../../connectors/api/index.ts';
import { messageOf } from '../errors.ts';
import type { ConsumerRecord, ProducerRecord } from '../log/client.ts';
import { Conversion, StageFailure } from '../worker/conversion.ts';
import type { ConnectorPlan } from '../worker/plan.ts';
import { TransformChain } from '../worker/transform-chain.ts';
import { shownBytes, shownHeaders, shownValue } from './shown-value.ts';

/** A record as one stage left it. */
export interface ShownRecord {
  readonly topic: string;
  readonly partition: number | null;
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: readonly { readonly key: string; readonly value: unknown }[];
  readonly timestamp: number | null;
}

export interface StageTrace {
  /** `source`, `topic`, `transforms.mask`, `converter`. */
  readonly stage: string;
  /** The class at work. */
  readonly class: string;
  /** False where the stage handed on what it got. */
  readonly isChanged: boolean;
  /** Null where the stage dropped the record or failed. */
  readonly record: ShownRecord | null;
}

export interface Trace {
  readonly stages: readonly StageTrace[];
  readonly outcome: 'passed' | 'dropped' | 'failed';
  readonly error?: { readonly stage: string; readonly class: string; readonly message: string };
}

export interface SinkTrace extends Trace {
  /** What the sink would be given; null where nothing is. */
  readonly record: SinkRecord | null;
}

interface Step {
  readonly name: string;
  readonly class: string;
  readonly chain: TransformChain;
}

/** The chain of one connector. Records do not overlap. */
export class ChainTrace {
  readonly #plan: ConnectorPlan;
  readonly #steps: readonly Step[];
  readonly #conversion: Conversion;

  private constructor(plan: ConnectorPlan, steps: readonly Step[], conversion: Conversion) {
    this.#plan = plan;
    this.#steps = steps;
    this.#conversion = conversion;
  }

  /** Creates and configures fresh transforms and converters. Rejects with what their `configure` throws. */
  static async create(plan: ConnectorPlan, registry: SchemaRegistry): Promise<ChainTrace> {
    const names = plan.settings.list('transforms');
    const steps = await Promise.all(
      plan.transforms.map(async (step, index): Promise<Step> => {
        const chain = await TransformChain.create([step]);
        return { name: `transforms.${names[index]}`, class: step.plugin.class, chain };
      }),
    );
    return new ChainTrace(plan, steps, await Conversion.create({ ...plan, transforms: [] }, registry));
  }

  close(): void {
    for (const { chain } of this.#steps) chain.close();
    this.#conversion.close();
  }

  /** From the source to the bytes of the topic, and, for the eye, what a reader makes of them. */
  async source(source: SourceRecord): Promise<Trace & { readonly read: ShownRecord | null }> {
    const stages: StageTrace[] = [stageOf('source', this.#plan.plugin.class, source, true)];
    const { record, failure } = this.#transform(source, stages);
    if (record === null) return { stages, ...failure, read: null };
    const name = this.#plan.value.plugin.class;
    try {
      const produced = (await this.#conversion.toProducerRecord(record)) as ProducerRecord;
      stages.push({ stage: 'converter', class: name, isChanged: true, record: shownProduced(produced) });
      return { stages, outcome: 'passed', read: await this.#readBack(produced) };
    } catch (error) {
      stages.push({ stage: 'converter', class: name, isChanged: false, record: null });
      return { stages, ...failed(error, 'converter', name), read: null };
    }
  }

  /** From the bytes of the topic to what the sink is given. */
  async sink(read: ConsumerRecord): Promise<SinkTrace> {
    const stages: StageTrace[] = [
      { stage: 'topic', class: '', isChanged: true, record: shownProduced({ ...read, partition: read.partition }) },
    ];
    const name = this.#plan.value.plugin.class;
    let converted: SinkRecord;
    try {
      converted = (await this.#conversion.toSinkRecord(read)) as SinkRecord;
    } catch (error) {
      stages.push({ stage: 'converter', class: name, isChanged: false, record: null });
      return { stages, ...failed(error, 'converter', name), record: null };
    }
    stages.push(stageOf('converter', name, converted, true));
    const { record, failure } = this.#transform(converted, stages);
    return record === null ? { stages, ...failure, record } : { stages, outcome: 'passed', record };
  }

  /** The bytes a sink's topic would hold for a value written by the same converter. */
  async encode(record: ConnectRecord): Promise<ProducerRecord> {
    const source = { ...record, sourcePartition: {}, sourceOffset: {} };
    return (await this.#conversion.toProducerRecord(source)) as ProducerRecord;
  }

  /** What the topic would hold; null where a transform drops the record. Rejects with what failed. */
  async produce(source: SourceRecord): Promise<ProducerRecord | null> {
    let record: SourceRecord | null = source;
    for (const { chain } of this.#steps) {
      record = chain.apply<SourceRecord>(record);
      if (record === null) return null;
    }
    return (await this.#conversion.toProducerRecord(record)) as ProducerRecord;
  }

  #transform<R extends ConnectRecord>(
    given: R,
    stages: StageTrace[],
  ): { record: R | null; failure: Omit<Trace, 'stages'> } {
    let record = given;
    for (const step of this.#steps) {
      try {
        const next = step.chain.apply(record);
        if (next === null) {
          stages.push({ stage: step.name, class: step.class, isChanged: true, record: null });
          return { record: null, failure: { outcome: 'dropped' } };
        }
        stages.push(stageOf(step.name, step.class, next, next !== record));
        record = next;
      } catch (error) {
        stages.push({ stage: step.name, class: step.class, isChanged: false, record: null });
        return { record: null, failure: failed(error, step.name, step.class) };
      }
    }
    return { record, failure: { outcome: 'passed' } };
  }

  async #readBack(produced: ProducerRecord): Promise<ShownRecord | null> {
    const read = { ...produced, partition: produced.partition ?? 0, offset: 0, timestamp: produced.timestamp ?? 0 };
    const back = (await this.#conversion.toSinkRecord(read as ConsumerRecord)) as SinkRecord;
    return shownRecord({ ...back, partition: produced.partition, timestamp: produced.timestamp });
  }
}

export function shownRecord(record: ConnectRecord): ShownRecord {
  const { topic, partition, timestamp } = record;
  const [key, value, headers] = [shownValue(record.key), shownValue(record.value), shownHeaders(record.headers)];
  return { topic, partition, key, value, headers, timestamp };
}

function shownProduced(record: ProducerRecord): ShownRecord {
  const { topic, partition, timestamp } = record;
  const headers = record.headers.map(({ key, value }) => ({ key, value: shownBytes(value) }));
  return { topic, partition, key: shownBytes(record.key), value: shownBytes(record.value), headers, timestamp };
}

function stageOf(stage: string, className: string, record: ConnectRecord, isChanged: boolean): StageTrace {
  return { stage, class: className, isChanged, record: shownRecord(record) };
}

function failed(error: unknown, stage: string, className: string): Omit<Trace, 'stages'> {
  if (!(error instanceof StageFailure))
    return { outcome: 'failed', error: { stage, class: className, message: messageOf(error) } };
  return { outcome: 'failed', error: { stage: error.stage, class: error.className, message: messageOf(error.cause) } };
}
