/**
 * What the console shows of a running house, gathered from its parts on demand.
 *
 * The parts are described by what is asked of them here; `up.ts` hands in the real ones. No state of its own.
 */

interface PartitionFigures {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly sizeBytes: number;
}

/** The broker, as far as it is shown. */
export interface ShownBroker {
  readonly topics: {
    all(): Iterable<{ readonly name: string; readonly partitions: number; readonly isInternal: boolean }>;
  };
  readonly groups: {
    list(): readonly { readonly group: string; readonly state: string }[];
    describe(group: string): { readonly members: readonly unknown[] };
    offsets(group: string): readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
  };
  /** Undefined while the partition was never used. */
  existingLog(topic: string, partition: number): PartitionFigures | undefined;
}

/** The registry's core, as far as it is shown. */
export interface ShownRegistry {
  subjects(): readonly string[];
  version(
    subject: string,
    version: string,
  ): { readonly version: number; readonly id: number; readonly schemaType: string };
  compatibilityLevel(subject: string): string;
}

export interface TopicFigures {
  readonly topic: string;
  readonly partitions: number;
  readonly isInternal: boolean;
  readonly logEndOffset: number;
  readonly records: number;
  readonly bytes: number;
}

/** Every topic, summed over its partitions. */
export function topicsOf(broker: ShownBroker): TopicFigures[] {
  return [...broker.topics.all()].map(({ name, partitions, isInternal }) => {
    let [logEndOffset, records, bytes] = [0, 0, 0];
    for (let partition = 0; partition < partitions; partition++) {
      const log = broker.existingLog(name, partition);
      if (log === undefined) continue;
      logEndOffset += log.logEndOffset;
      records += log.logEndOffset - log.logStartOffset;
      bytes += log.sizeBytes;
    }
    return { topic: name, partitions, isInternal, logEndOffset, records, bytes };
  });
}

export interface GroupFigures {
  readonly group: string;
  readonly state: string;
  readonly members: number;
  readonly lag: number | null;
  readonly topics: readonly string[];
}

/** Every group, with how far its commits are behind the ends of its partitions. */
export function groupsOf(broker: ShownBroker): GroupFigures[] {
  const known = new Set([...broker.topics.all()].map(({ name }) => name));
  return broker.groups.list().map(({ group, state }) => {
    const offsets = broker.groups.offsets(group).filter(({ topic }) => known.has(topic));
    const lags = offsets.map(({ topic, partition, offset }) => {
      return Math.max(0, (broker.existingLog(topic, partition)?.logEndOffset ?? 0) - offset);
    });
    return {
      group,
      state,
      members: broker.groups.describe(group).members.length,
      lag: offsets.length === 0 ? null : lags.reduce((sum, lag) => sum + lag, 0),
      topics: [...new Set(offsets.map(({ topic }) => topic))],
    };
  });
}

export interface SubjectFigures {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schemaType: string;
  readonly compatibility: string;
}

/** Every subject with its latest version. */
export function subjectsOf(registry: ShownRegistry): SubjectFigures[] {
  return registry.subjects().map((subject) => {
    const { version, id, schemaType } = registry.version(subject, 'latest');
    return { subject, version, id, schemaType, compatibility: registry.compatibilityLevel(subject) };
  });
}

interface Family {
  readonly name: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

interface RestConnector {
  readonly status?: {
    readonly type: 'source' | 'sink';
    readonly connector: { readonly state: string; readonly trace?: string };
    readonly tasks: readonly {
      readonly id: number;
      readonly state: string;
      readonly worker_id: string;
      readonly trace?: string;
      readonly figures?: Readonly<Record<string, number>>;
    }[];
  };
  readonly info?: { readonly config: Readonly<Record<string, string>> };
}

interface TaskFigures {
  readonly id: number;
  readonly state: string;
  readonly workerId: string;
  readonly trace?: string;
  /** What the task counts and measures itself. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface ConnectorFigures {
  readonly name: string;
  readonly type: 'source' | 'sink' | 'unknown';
  readonly class: string;
  readonly state: string;
  readonly trace?: string;
  readonly tasks: readonly TaskFigures[];
  readonly records: number;
  readonly errors: number;
  readonly deadLettered: number;
}

/** The ledger's counters: delivered for good, and dead-lettered. */
const recordMetric = 'millrace_connect_task_ledger_written';
const deadLetterMetric = 'millrace_connect_task_ledger_dead_lettered';
const errorMetric = 'kafka_connect_task_error_total_record_errors';

const ASK_TIMEOUT_MS = 2_000;

/** Every connector as the worker's own REST API tells it, with the counters of its tasks. */
export async function connectorsOf(url: string, families: readonly Family[]): Promise<ConnectorFigures[]> {
  const question = new URL('/connectors?expand=status&expand=info', url);
  const response = await fetch(question, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  const answer = (await response.json()) as Record<string, RestConnector>;
  return Object.entries(answer).map(([name, { status, info }]) => ({
    name,
    type: status?.type ?? 'unknown',
    class: info?.config['connector.class'] ?? 'unknown',
    state: status?.connector.state ?? 'UNASSIGNED',
    ...(status?.connector.trace === undefined ? {} : { trace: status.connector.trace }),
    tasks: (status?.tasks ?? []).map(({ id, state, worker_id, trace, figures }) => ({
      id,
      state,
      workerId: worker_id,
      ...(trace === undefined ? {} : { trace }),
      ...(figures === undefined ? {} : { figures }),
    })),
    records: sumOf(families, recordMetric, name),
    errors: sumOf(families, errorMetric, name),
    deadLettered: sumOf(families, deadLetterMetric, name),
  }));
}

function sumOf(families: readonly Family[], metric: string, connector: string): number {
  return families
    .filter(({ name }) => name === metric)
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels.connector === connector)
    .reduce((sum, { value }) => sum + value, 0);
}

type Parts = Readonly<Record<string, () => unknown>>;
type Overview<P extends Parts> = { readonly [K in keyof P]?: Awaited<ReturnType<P[K]>> } & {
  readonly problems: readonly string[];
};

/** Asks every part; one that fails is left out, with a sentence, and takes nothing else along. */
export async function overviewOf<P extends Parts>(parts: P): Promise<Overview<P>> {
  const problems: string[] = [];
  const answers = await Promise.all(
    Object.entries(parts).map(async ([name, ask]) => {
      try {
        return [[name, await ask()]];
      } catch (error) {
        problems.push(`The ${name} cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    }),
  );
  return { ...Object.fromEntries(answers.flat()), problems } as Overview<P>;
}
