/**
 * One task from start to stop, through failures: runs its loop, restarts it after failures that may pass, says how it is.
 *
 * Moves no record itself; `source-loop.ts` and `sink-loop.ts` do. The ledger and the measures belong to the task, not to
 * one run of its loop, so a restart does not wipe them.
 */
import type { Logger, Signal } from '../../connectors/api/index.ts';
import { DeadlineError, messageOf, RecordError, RequestError, traceOf } from '../errors.ts';
import type { State } from '../stores/status-store.ts';
import { delay, within } from './backoff.ts';
import type { FailurePolicy } from './failure-policy.ts';
import type { Startups } from './measure.ts';
import type { TaskLoop } from './task-environment.ts';

export interface TaskLifeOptions {
  readonly name: string;
  readonly policy: FailurePolicy;
  /** Records finished so far: whether a failure came after anything was done. */
  readonly done: () => number;
  readonly logger: Logger;
  /** Builds a fresh loop; a throw is a failure like one of the loop itself. */
  readonly createLoop: (onStarted: () => void) => Promise<TaskLoop>;
  readonly onState: (state: State, trace?: string) => void;
  readonly startups: Startups;
}

export class TaskLife {
  readonly #options: TaskLifeOptions;
  readonly #stop = new AbortController();
  #loop: TaskLoop | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isPaused: boolean;
  #state: State = 'UNASSIGNED';
  restarts = 0;
  /** It did not end in time, so something of it may still run. */
  isCutOff = false;
  readonly #born = Date.now();
  readonly #spentMs = new Map<State, number>();
  #since = this.#born;
  #hasStarted = false;

  constructor(options: TaskLifeOptions, isPaused: boolean) {
    this.#options = options;
    this.#isPaused = isPaused;
  }

  get state(): State {
    return this.#state;
  }

  start(state: 'UNASSIGNED' | 'RESTARTING' = 'UNASSIGNED'): void {
    this.#setState(state);
    this.#ended = this.#live();
  }

  pause(): void {
    this.#isPaused = true;
    this.#loop?.pause();
    if (this.#state === 'RUNNING') this.#setState('PAUSED');
  }

  resume(): void {
    this.#isPaused = false;
    this.#loop?.resume();
    if (this.#state === 'PAUSED') this.#setState('RUNNING');
  }

  /** Throws RequestError 409 while the task does not run. */
  async signal(signal: Signal): Promise<void> {
    if (this.#loop === null || !this.#hasStarted) {
      throw new RequestError(409, `${this.#options.name} is ${this.#state} and takes no signals now.`);
    }
    await this.#loop.signal(signal);
  }

  /** Resolves when the task has flushed and stopped, or was cut off at the deadline; never rejects. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stop.abort();
    this.#loop?.stop();
    try {
      await within(`Stopping ${this.#options.name}`, timeoutMs, this.#ended);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      this.#options.logger.warn({}, `${error.message} It is cut off; what it did since its last commit is done again.`);
      this.isCutOff = true;
      this.#loop?.cancel();
    }
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const began = Date.now();
      const { startups } = this.#options;
      startups.attempts++;
      this.#hasStarted = false;
      try {
        this.#loop = await this.#options.createLoop(() => this.#onStarted());
        if (this.#isPaused) this.#loop.pause();
        if (signal.aborted) this.#loop.stop();
        await this.#loop.run();
        return;
      } catch (error) {
        if (!this.#hasStarted) startups.failures++;
        await this.#onFailure(error, Date.now() - began);
        if (this.#state === 'FAILED' && !this.#willRestart) return;
      } finally {
        this.#loop = null;
      }
    }
  }

  #willRestart = false;

  #onStarted(): void {
    this.#hasStarted = true;
    this.#options.startups.successes++;
    if (this.#stop.signal.aborted) return;
    this.#setState(this.#isPaused ? 'PAUSED' : 'RUNNING');
  }

  async #onFailure(error: unknown, ranMs: number): Promise<void> {
    const { logger, name } = this.#options;
    const { signal } = this.#stop;
    if (signal.aborted) {
      logger.warn({ err: error }, `${name} failed while it was stopping: ${messageOf(error)}`);
      return;
    }
    const { cause, waitMs: wait, sentence } = this.#options.policy.judge(error, ranMs, this.#options.done());
    this.#willRestart = wait !== null;
    this.#setState('FAILED', `${traceOf(error)}\n${sentence}`);
    const record = error instanceof RecordError ? { stage: error.stage, ...error.coordinates } : {};
    logger.error({ err: error, cause, ...record }, `${name} failed: ${messageOf(error)} ${sentence}`);
    if (wait === null) return;
    await delay(wait, signal);
    if (!signal.aborted) this.restarts++;
  }

  /** The share of this task's life that it has spent in a state (Kafka's running-ratio and pause-ratio). */
  ratio(state: State): number {
    const now = Date.now();
    const inState = (this.#spentMs.get(state) ?? 0) + (this.#state === state ? now - this.#since : 0);
    return now === this.#born ? 0 : inState / (now - this.#born);
  }

  #setState(state: State, trace?: string): void {
    const now = Date.now();
    this.#spentMs.set(this.#state, (this.#spentMs.get(this.#state) ?? 0) + now - this.#since);
    this.#since = now;
    this.#state = state;
    this.#options.onState(state, trace);
  }
}
