/**
 * A connector: decides how the work is split into tasks, watches for changes, moves no record itself.
 *
 * Life, in the worker's hands: `create()` → `start` → `taskConfigs` (again after every `requestTaskReconfiguration`)
 * → `stop`. All calls are sequential. A throw from `start` or `taskConfigs` fails the connector, not the process.
 */
import type { Config } from './config.ts';
import type { ConfigProblem } from './errors.ts';
import type { SinkRecord, SourceRecord } from './record.ts';
import type { SinkTask, SourceTask } from './task.ts';

/** What a connector or task writes its notices to; already bound to connector and task names. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The worker, as a connector sees it. */
export interface ConnectorContext {
  readonly name: string;
  readonly logger: Logger;
  /** Asks for `taskConfigs` to be called again soon; identical answers do not restart tasks. */
  requestTaskReconfiguration(): void;
  /** Fails the connector with this cause. */
  raiseError(error: Error): void;
}

interface ConnectorLife<Task> {
  /** Called once. `config` is parsed by the plugin's declaration: every value has its type and default. */
  start(context: ConnectorContext, config: Config): void | Promise<void>;
  /** At most `maxTasks` raw configs, one per task; each is merged over the connector's own config. */
  taskConfigs(maxTasks: number): readonly TaskConfig[] | Promise<readonly TaskConfig[]>;
  /** A new task for one of those configs; no I/O, its life begins at `start`. */
  createTask(): Task;
  /** Ends whatever `start` began. Called once, also after a failure. */
  stop(): void | Promise<void>;
  /**
   * Looks at the real world without changing it (connects, asks, disconnects) and lists what would not work, each
   * problem with its fix. Called by validate and check, concurrently with nothing, before `start`. Optional.
   */
  check?(config: Config): Promise<readonly ConfigProblem[]>;
}

/** The raw keys one task gets on top of its connector's, as strings, as Kafka Connect keeps them. */
export type TaskConfig = Readonly<Record<string, string>>;

/** What a preview asks for. */
export interface PreviewRequest {
  /** Aborted when the person in front of the screen has waited enough; what there is by then is answered. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Reads from somewhere. */
export interface SourceConnector extends ConnectorLife<SourceTask> {
  /**
   * Up to `max` real records, as a new task would read them, with nothing changed on the other side: no slot, no
   * session, no acknowledgement, no file moved. Called by preview instead of `start`. A source without it cannot be
   * previewed; {@link sampleTask} is enough where the task itself only reads.
   */
  sample?(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]>;
}

/** Writes to somewhere. */
export interface SinkConnector extends ConnectorLife<SinkTask> {
  /**
   * The statements, requests or lines that `put` would send for these records, in order, as text; sends none of them. It
   * may look at the target. Called by preview instead of `start`.
   */
  explain?(config: Config, records: readonly SinkRecord[], request: PreviewRequest): Promise<readonly string[]>;
}
