/** How the three flows are doing, asked from Millrace's own console API as any program could. */

import { SHOP_TABLES } from './story.ts';

/** The parts of `GET /api/overview` that the demo reads. */
interface Overview {
  readonly topics?: readonly { readonly topic: string; readonly logEndOffset: number }[];
  readonly connectors?: readonly {
    readonly name: string;
    readonly state: string;
    readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
  }[];
  readonly groups?: readonly { readonly group: string; readonly lag: number | null }[];
}

/** One flow: which topics carry it, which hold its dead letters, whose lag counts. */
export interface FlowPlan {
  readonly name: string;
  readonly topics: readonly string[];
  readonly deadLetters: readonly string[];
  readonly sink: string;
  readonly connectors: readonly string[];
}

export const flows: readonly FlowPlan[] = [
  {
    name: 'shop → replica',
    topics: SHOP_TABLES.map((table) => `shop.public.${table}`),
    deadLetters: [],
    sink: 'shop-replica',
    connectors: ['shop-source', 'shop-replica'],
  },
  {
    name: 'trucks → positions',
    topics: ['trucks_gps'],
    deadLetters: ['trucks_gps_dlq'],
    sink: 'trucks-position',
    connectors: ['trucks-source', 'trucks-position'],
  },
  {
    name: 'CSV → JSON Lines',
    topics: ['sales'],
    deadLetters: ['sales_dlq'],
    sink: 'sales-file',
    connectors: ['sales-source', 'sales-file'],
  },
];

export interface FlowState {
  readonly name: string;
  /** Records in its topics. */
  readonly records: number;
  /** Records its sink has not committed yet; null while nobody knows. */
  readonly lag: number | null;
  readonly deadLettered: number;
  /** Connectors or tasks that do not run, each with its first words. */
  readonly failures: readonly string[];
}

const ASK_TIMEOUT_MS = 5_000;

/** The state of every flow now. Rejects while Millrace is away. */
export async function flowStates(console: string): Promise<FlowState[]> {
  const response = await fetch(new URL('/api/overview', console), { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`The console answered ${response.status}.`);
  const overview = (await response.json()) as Overview;
  return flows.map((flow) => stateOf(flow, overview));
}

function stateOf(flow: FlowPlan, overview: Overview): FlowState {
  const sum = (names: readonly string[]) =>
    (overview.topics ?? [])
      .filter(({ topic }) => names.includes(topic))
      .reduce((total, { logEndOffset }) => total + logEndOffset, 0);
  const failures = (overview.connectors ?? [])
    .filter(({ name }) => flow.connectors.includes(name))
    .flatMap(({ name, state, tasks }) => [
      ...(state === 'FAILED' ? [`${name} failed`] : []),
      ...tasks
        .filter((task) => task.state === 'FAILED')
        .map((task) => `${name}: ${(task.trace ?? 'failed').split('\n', 1)[0]}`),
    ]);
  return {
    name: flow.name,
    records: sum(flow.topics),
    lag: overview.groups?.find(({ group }) => group === `connect-${flow.sink}`)?.lag ?? null,
    deadLettered: sum(flow.deadLetters),
    failures,
  };
}
