/**
 * Checks schemas in a thread of its own under a time budget: whatever a schema makes of it, the registry keeps answering.
 *
 * One piece of work at a time; what takes too long ends with its thread, and the next has a new one. The thread starts
 * with the first work and ends when there has been none for a while.
 */
import { Worker } from 'node:worker_threads';
import { errors, RegistryError } from '../errors.ts';
import type { SoundAnswer } from '../sound/answer.ts';
import type { Told } from './thread.ts';
import type { CompareWork, Explained, ExplainWork, RecordsWork, VetWork, Work } from './work.ts';

/** Milliseconds of a processor that one piece of work may take; a realistic comparison takes ten. */
export const DEFAULT_BUDGET_MS = 5000;
/** Milliseconds between looks at the time taken. */
const LOOK_MS = 100;
/** Real time may be so many times the budget: a busy machine is not the schema's fault. */
const PATIENCE = 12;
/** Work that may wait; whoever comes later is told to come back. */
const MAX_WAITING = 1000;
/** Milliseconds without work after which the thread ends. */
const IDLE_MS = 30_000;
/** A thread starts in about 100 ms; a busy machine may take much longer, and that is not the schema's fault. */
const START_MS = 30_000;
/** Megabytes one thread may hold; beyond it ends, as if it had taken too long. */
const HEAP_MB = 512;

/** What both checkers found. */
export interface Compared {
  /** Confluent's reasons against; empty when it has none. */
  readonly messages: readonly string[];
  readonly sound: SoundAnswer;
}

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

export class Checker {
  readonly #budgetMs: number;
  #thread: Promise<Worker> | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(budgetMs: number = DEFAULT_BUDGET_MS) {
    this.#budgetMs = budgetMs;
  }

  /** Throws 42201 or 42209 for what is no sound schema or takes too long to be one. */
  async vet(work: Omit<VetWork, 'kind'>): Promise<void> {
    await this.#inTurn({ kind: 'vet', ...work });
  }

  /** By both checkers. A sound answer that takes too long is unknown; Confluent's verdict that does is 42201. */
  async compare(work: Omit<CompareWork, 'kind'>): Promise<Compared> {
    const { messages, sound } = await this.#inTurn({ kind: 'compare', ...work });
    if (messages === null) throw this.#tooLong();
    return {
      messages,
      sound: sound ?? { verdict: 'unknown', reason: `The search took longer than ${this.#budgetMs} ms.` },
    };
  }

  /** What a change means. Throws 42201 for what is no schema or takes too long. */
  async explain(work: Omit<ExplainWork, 'kind'>): Promise<Explained> {
    return (await this.#inTurn({ kind: 'explain', ...work })).value as Explained;
  }

  /** By record, why the schema refuses it, or null. Throws 42201 for what takes too long. */
  async refusals(work: Omit<RecordsWork, 'kind'>): Promise<readonly (string | null)[]> {
    return (await this.#inTurn({ kind: 'records', ...work })).value as readonly (string | null)[];
  }

  /** Ends the thread; work under way is refused. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = null;
    await (await thread?.catch(() => null))?.terminate();
  }

  async #inTurn(work: Work): Promise<Outcome> {
    if (this.#waiting >= MAX_WAITING) throw errors.tooManyWrites(MAX_WAITING);
    this.#waiting++;
    clearTimeout(this.#idle);
    const run = this.#tail.then(() => this.#run(work));
    this.#tail = run.catch(() => undefined);
    try {
      return await run;
    } finally {
      if (--this.#waiting === 0) this.#idle = setTimeout(() => this.stop(), IDLE_MS).unref();
    }
  }

  async #run(work: Work): Promise<Outcome> {
    this.#thread ??= started();
    const thread = await this.#thread.catch((error) => {
      this.#thread = null;
      throw errors.store(error);
    });
    const own = work.kind === 'vet' ? work.keptBudgetMs : undefined;
    const budgetMs = Math.min(this.#budgetMs, own ?? this.#budgetMs);
    const outcome = await done(thread, work, budgetMs);
    if (!outcome.isDone) {
      this.#thread = null;
      await thread.terminate();
      if (outcome.messages === null) throw this.#tooLong(budgetMs);
    }
    return outcome;
  }

  #tooLong(budgetMs = this.#budgetMs): RegistryError {
    return errors.invalidSchema(
      `Invalid schema: checking it takes longer than ${budgetMs} ms or more than ${HEAP_MB} MB. ` +
        'Simplify it, or raise schema.check.budget.ms.',
    );
  }
}

async function started(): Promise<Worker> {
  const thread = new Worker(new URL(`./thread.${extension}`, import.meta.url), {
    name: 'schema-checker',
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  thread.unref();
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      thread.once('message', () => resolve());
      thread.once('error', reject);
      timer = setTimeout(() => reject(new Error('the checking thread does not start')), START_MS);
    });
    return thread;
  } finally {
    clearTimeout(timer);
    thread.removeAllListeners('error');
    // A thread that ends by itself is noticed by the work it had.
    thread.on('error', () => undefined);
  }
}

interface Outcome {
  /** False when the thread took too long or ended. */
  readonly isDone: boolean;
  readonly messages: readonly string[] | null;
  readonly sound: SoundAnswer | null;
  /** The answer of work that is neither vetting nor comparing. */
  readonly value?: unknown;
}

function done(thread: Worker, work: Work, budgetMs: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let messages: readonly string[] | null = null;
    const finish = (): void => {
      clock.stop();
      thread.off('message', heard);
      thread.off('exit', given);
    };
    const given = (): void => {
      finish();
      resolve({ isDone: false, messages, sound: null });
    };
    const heard = (told: Exclude<Told, 'ready'>): void => {
      if ('messages' in told) {
        messages = told.messages;
        return;
      }
      finish();
      if ('value' in told) resolve({ isDone: true, messages, sound: null, value: told.value });
      else if ('sound' in told) resolve({ isDone: true, messages, sound: told.sound });
      else if ('refused' in told) {
        reject(new RegistryError(told.refused.code, told.refused.errorCode, told.refused.message));
      } else reject(errors.invalidSchema(`Invalid schema: it cannot be checked: ${told.failed}`));
    };
    const clock = watch(thread, budgetMs, given);
    thread.on('message', heard);
    thread.on('exit', given);
    thread.postMessage(work);
  });
}

/** Calls `over` once the thread has worked for `budgetMs` since now. */
function watch(thread: Worker, budgetMs: number, over: () => void): { stop(): void } {
  const deadline = Date.now() + budgetMs * PATIENCE;
  let before: number | null = null;
  let isOver = false;
  const look = async (): Promise<void> => {
    const { user, system } = await thread.cpuUsage();
    before ??= user + system;
    if (!isOver && user + system - before > budgetMs * 1000) over();
  };
  const timer = setInterval(() => {
    // A thread that has ended tells so itself.
    if (Date.now() > deadline) over();
    else look().catch(() => undefined);
  }, LOOK_MS);
  look().catch(() => undefined);
  return {
    stop() {
      isOver = true;
      clearInterval(timer);
    },
  };
}
