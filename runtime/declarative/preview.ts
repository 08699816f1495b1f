/**
 * The third depth: real records through a connector's own chain, each stage shown, nothing written anywhere.
 *
 * A source hands over samples (`SourceConnector.sample`), a sink says what it would send (`SinkConnector.explain`).
 * Schemas that would be registered are kept to ourselves.
 */
import { ConnectError, type Logger, type SinkRecord } from '../../connectors/api/index.ts';
import type { ConsumerRecord } from '../log/client.ts';
import type { ConnectorPlan } from '../worker/plan.ts';
import { ChainTrace, type Trace } from './chain-trace.ts';
import type { OfflineRegistry } from './offline-registry.ts';

/** One record's way. */
export interface PreviewedRecord extends Trace {
  /** Where it is in its source's world, or in the log. */
  readonly from: object;
}

export interface Preview {
  readonly connector: string;
  readonly type: 'source' | 'sink';
  readonly records: readonly PreviewedRecord[];
  /** What a sink would send; null where it does not say. */
  readonly statements: readonly string[] | null;
  /** What a real run would change beside the records, and what could not be seen. */
  readonly notes: readonly string[];
}

export interface PreviewOptions {
  readonly max: number;
  readonly registry: OfflineRegistry;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Samples of a source on their way to the topic. Rejects with ConnectError where the plugin offers none. */
export async function previewSource(plan: ConnectorPlan, options: PreviewOptions): Promise<Preview> {
  const connector = await plan.plugin.create();
  if (!('sample' in connector) || connector.sample === undefined) {
    const message = `${plan.plugin.class} cannot be previewed: it has no "sample", which reads without changing anything.`;
    throw new ConnectError(message, { code: 'NO_PREVIEW' });
  }
  const samples = await connector.sample(plan.config, options.max, options);
  const records = await withChain(plan, options, async (chain) => {
    const traced: PreviewedRecord[] = [];
    for (const sample of samples) {
      const { read: _, ...trace } = await chain.source(sample);
      traced.push({ from: sample.sourcePartition, ...trace });
    }
    return traced;
  });
  return { connector: plan.name, type: 'source', records, statements: null, notes: options.registry.notes };
}

/** Records of the log on their way to the sink, and what it would send for those that arrive. */
export async function previewSink(
  plan: ConnectorPlan,
  read: readonly ConsumerRecord[],
  options: PreviewOptions,
): Promise<Preview> {
  const arrived: SinkRecord[] = [];
  const records = await withChain(plan, options, async (chain) => {
    const traced: PreviewedRecord[] = [];
    for (const each of read) {
      const { record, ...trace } = await chain.sink(each);
      if (record !== null) arrived.push(record);
      traced.push({ from: { topic: each.topic, partition: each.partition, offset: each.offset }, ...trace });
    }
    return traced;
  });
  const connector = await plan.plugin.create();
  const explains = 'explain' in connector && connector.explain !== undefined;
  const statements = explains ? await connector.explain!(plan.config, arrived, options) : null;
  const notes = explains ? [] : [`${plan.plugin.class} does not say what it would send ("explain").`];
  return { connector: plan.name, type: 'sink', records, statements, notes: [...options.registry.notes, ...notes] };
}

async function withChain<T>(
  plan: ConnectorPlan,
  { registry }: PreviewOptions,
  work: (chain: ChainTrace) => Promise<T>,
): Promise<T> {
  const chain = await ChainTrace.create(plan, registry);
  try {
    return await work(chain);
  } finally {
    chain.close();
  }
}
