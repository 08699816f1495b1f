/**
 * What a task loop is given by its worker: the ports, the plan, the books it keeps. One per task; it outlives restarts.
 */
import type { Config, Logger, SchemaRegistry, Signal } from '../../connectors/api/index.ts';
import type { LogClient } from '../log/client.ts';
import type { OffsetStore } from '../stores/offset-store.ts';
import { adminTimeoutMs, producerSettings } from './client-settings.ts';
import { DeadLetterQueue } from './dead-letter-queue.ts';
import { type ErrorCounts, ErrorPolicy } from './error-policy.ts';
import type { Ledger } from './ledger.ts';
import type { TaskMeasures } from './measure.ts';
import type { ConnectorPlan, Raw } from './plan.ts';
import type { DeadLetterProducer } from './source-delivery.ts';

/** Worker keys that the loops need, parsed. */
export interface LoopSettings {
  readonly flushIntervalMs: number;
  readonly flushTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly isTopicCreationEnabled: boolean;
  /** Of topics in which sources keep something for themselves. */
  readonly memoryReplicationFactor: number;
}

export interface TaskEnvironment {
  readonly connector: string;
  readonly task: number;
  /** KIP-618: `<group.id>-<connector>-<task>`. Whoever has it last writes, everybody before is fenced. */
  readonly transactionalId: string;
  /** The worker's keys as written. */
  readonly workerKeys: Raw;
  readonly log: LogClient;
  readonly registry: SchemaRegistry | undefined;
  readonly offsets: OffsetStore;
  readonly logger: Logger;
  /** Takes out of a text what references have resolved to. */
  hide(text: string): string;
  readonly loop: LoopSettings;
  readonly ledger: Ledger;
  readonly measures: TaskMeasures;
  readonly errors: ErrorCounts & { deadLetterRequests: number; deadLetterFailures: number };
  /** Called once the task's own `start` is through. */
  onStarted(): void;
  /** Called the first time a task uses a topic (KIP-558). */
  onTopic(topic: string): void;
}

/** A running loop, as the task's life sees it. */
export interface TaskLoop {
  /** Resolves after a graceful stop, rejects with what failed the task. Called once. */
  run(): Promise<void>;
  /** Asks for a graceful end: flush, commit, stop. */
  stop(): void;
  /** Gives up on a loop that did not end in time: nothing it still does may be committed. */
  cancel(): void;
  pause(): void;
  resume(): void;
  /** Hands a command to the task. Throws RequestError where it takes none. */
  signal(signal: Signal): Promise<void>;
}

/** The dead letter queue of a task, or null where none is configured. */
export function deadLetterQueueOf(
  environment: TaskEnvironment,
  settings: Config,
  signal: AbortSignal,
  producer: DeadLetterProducer | null = null,
): DeadLetterQueue | null {
  const topic = settings.string('errors.deadletterqueue.topic.name');
  if (topic === '') return null;
  const { clientId, overrides } = producerSettings(environment.workerKeys, settings);
  return new DeadLetterQueue(environment.log, {
    topic,
    clientId: clientId ?? `connector-dlq-producer-${environment.connector}-${environment.task}`,
    overrides,
    createTimeoutMs: adminTimeoutMs(environment.workerKeys, settings),
    replicationFactor: settings.number('errors.deadletterqueue.topic.replication.factor'),
    withContext: settings.boolean('errors.deadletterqueue.context.headers.enable'),
    connector: environment.connector,
    task: environment.task,
    signal,
    counts: environment.errors,
    hide: environment.hide,
    producer,
  });
}

export function errorPolicyOf(
  environment: TaskEnvironment,
  plan: ConnectorPlan,
  queue: DeadLetterQueue | null,
  signal: AbortSignal,
): ErrorPolicy {
  return new ErrorPolicy(plan.settings, queue, environment.logger, signal, environment.errors);
}
