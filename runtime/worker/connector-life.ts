/**
 * One connector from creation to deletion: its instance, its task configs, its tasks.
 *
 * Life (KIP-415's words): start the connector → ask for task configs → store them → start the tasks. Operations on one
 * connector wait for each other; operations on different connectors never do.
 */
import {
  ConfigError,
  type ConnectorContext,
  parseConfig,
  type Signal,
  type SinkConnector,
  type SinkConnectorPlugin,
  type SourceConnector,
  type SourceConnectorPlugin,
  type TaskConfig,
} from '../../connectors/api/index.ts';
import { asError, DeadlineError, messageOf, RequestError, traceOf } from '../errors.ts';
import type { TargetState } from '../stores/config-store.ts';
import { within } from './backoff.ts';
import { noErrors } from './error-policy.ts';
import { FailurePolicy } from './failure-policy.ts';
import { restartKeys } from './keys.ts';
import { Ledger } from './ledger.ts';
import type { WorkerLogger } from './loggers.ts';
import { TaskMeasures } from './measure.ts';
import { type ConnectorPlan, planConnector, type Raw } from './plan.ts';
import { Reload } from './reload.ts';
import type { Services } from './services.ts';
import { SinkLoop } from './sink-loop.ts';
import { SourceLoop } from './source-loop.ts';
import type { TaskEnvironment, TaskLoop } from './task-environment.ts';
import { TaskLife } from './task-life.ts';
import { fenceTasks, transactionalIdOf } from './zombies.ts';

/** One task with its books. */
export interface Task {
  readonly life: TaskLife;
  readonly ledger: Ledger;
  readonly measures: TaskMeasures;
  readonly errors: TaskEnvironment['errors'];
  readonly failures: FailurePolicy;
  /** As stored: references unresolved. */
  readonly config: Raw;
  /** Which plugins in which versions it is made of. */
  readonly plan: ConnectorPlan;
}

type Running =
  | { readonly plugin: SourceConnectorPlugin; readonly instance: SourceConnector }
  | { readonly plugin: SinkConnectorPlugin; readonly instance: SinkConnector };

export class ConnectorLife {
  readonly name: string;
  readonly #services: Services;
  readonly #logger: WorkerLogger;
  readonly #reload: Reload;
  #running: Running | null = null;
  #tasks: readonly Task[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  /** Gives the call into the plugin that is under way a deadline. */
  #hurry: (() => void) | null = null;
  /** Turns for which a call that hangs is let go. */
  #urgent = 0;
  /** Since it last started well. */
  #failures: FailurePolicy | null = null;

  constructor(services: Services, name: string) {
    this.name = name;
    this.#services = services;
    this.#logger = services.loggers.named(`connector.${name}`, { connector: name });
    // As written, nothing changes: the tasks have to be told.
    this.#reload = new Reload(services.providers, this.#logger, () => void this.restart(true, false));
  }

  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  /** Brings the connector to what the config store says it should be. Never rejects: a failure is a status. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start('UNASSIGNED'));
  }

  /** Stops everything; the config stays. */
  stop(timeoutMs: number): Promise<void> {
    clearTimeout(this.#retry);
    return this.#urgently(() => this.#stop(timeoutMs));
  }

  /** A changed config: the connector starts anew; its tasks go on until it has handed out others. */
  reconfigure(): Promise<void> {
    this.#failures = null;
    return this.#urgently(async () => {
      clearTimeout(this.#retry);
      this.#reload.stop();
      await this.#stopInstance();
      await this.#start('UNASSIGNED');
    });
  }

  /** Pause, resume and stop, as the stored target state says. */
  follow(target: TargetState): Promise<void> {
    const inTurn = (work: () => Promise<void>) => (target === 'STOPPED' ? this.#urgently(work) : this.#inTurn(work));
    return inTurn(async () => {
      const { statuses, loop } = this.#services;
      if (target === 'STOPPED') {
        await this.#stop(loop.stopTimeoutMs);
        await this.#services.configs.putTaskConfigs(this.name, []);
        this.#forgetTasks(0);
        statuses.putConnector(this.name, 'STOPPED');
      } else if (this.#running === null && statuses.connector(this.name)?.state !== 'FAILED') {
        await this.#start('UNASSIGNED');
      } else {
        for (const { life } of this.#tasks) target === 'PAUSED' ? life.pause() : life.resume();
        if (this.#running !== null) statuses.putConnector(this.name, target === 'PAUSED' ? 'PAUSED' : 'RUNNING');
      }
    });
  }

  /** KIP-745. Marks what restarts at once; the restart itself goes on behind the answer. */
  restart(includeTasks: boolean, onlyFailed: boolean): Promise<void> {
    const { statuses, loop } = this.#services;
    const isWanted = (state: string | undefined) => !onlyFailed || state === 'FAILED';
    const restartsConnector = isWanted(statuses.connector(this.name)?.state);
    const chosen = includeTasks ? [...this.#tasks.keys()].filter((id) => isWanted(this.#tasks[id]!.life.state)) : [];
    if (restartsConnector) statuses.putConnector(this.name, 'RESTARTING');
    for (const id of chosen) statuses.putTask(this.name, id, 'RESTARTING', statuses.task(this.name, id)?.trace);
    return this.#urgently(async () => {
      if (restartsConnector) {
        await this.#stopInstance();
        await this.#start('RESTARTING', new Set(chosen));
      } else for (const id of chosen) await this.#restartTask(id, loop.stopTimeoutMs);
    });
  }

  restartTask(id: number): Promise<void> {
    if (this.#tasks[id] === undefined) {
      throw new RequestError(404, `Unknown task: ${this.name}-${id}. The connector has ${this.#tasks.length}.`);
    }
    this.#services.statuses.putTask(this.name, id, 'RESTARTING');
    return this.#inTurn(() => this.#restartTask(id, this.#services.loop.stopTimeoutMs));
  }

  signalTask(id: number, signal: Signal): Promise<void> {
    const task = this.#tasks[id];
    if (task === undefined) throw new RequestError(404, `Unknown task: ${this.name}-${id}.`);
    return task.life.signal(signal);
  }

  /** Resolves when everything asked before is through. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(work).catch((error: unknown) => this.#fail(error));
    this.#queue = turn;
    return turn;
  }

  /** For what ends or replaces what is under way: a plugin that hangs is not waited for longer than a task that does. */
  #urgently(work: () => Promise<void>): Promise<void> {
    this.#urgent++;
    this.#hurry?.();
    return this.#inTurn(async () => {
      this.#urgent--;
      await work();
    });
  }

  /** A call into the plugin may take its time, until somebody wants something else of the connector. */
  async #ask<T>(what: string, call: T | Promise<T>): Promise<T> {
    const { promise: abandoned, reject } = Promise.withResolvers<never>();
    const { stopTimeoutMs } = this.#services.loop;
    const letGo = () => reject(new DeadlineError(`${what} of connector ${this.name}`, stopTimeoutMs));
    let timer: NodeJS.Timeout | undefined;
    this.#hurry = () => {
      timer ??= setTimeout(letGo, stopTimeoutMs);
    };
    if (this.#urgent > 0) this.#hurry();
    try {
      return await Promise.race([call, abandoned]);
    } finally {
      clearTimeout(timer);
      this.#hurry = null;
    }
  }

  /** A failure that may pass (a database that is not up yet) is tried again by itself. */
  #fail(error: unknown): void {
    const raw = this.#services.configs.config(this.name) ?? {};
    this.#failures ??= new FailurePolicy(parseConfig(restartKeys, raw).config);
    const { cause, waitMs, sentence } = this.#failures.judge(error, 0);
    this.#logger.error({ err: error, cause }, `Connector ${this.name} failed: ${messageOf(error)} ${sentence}`);
    this.#services.statuses.putConnector(this.name, 'FAILED', `${traceOf(error)}\n${sentence}`);
    clearTimeout(this.#retry);
    if (waitMs !== null) this.#retry = setTimeout(() => this.restart(false, true), waitMs);
  }

  async #start(state: 'UNASSIGNED' | 'RESTARTING', restarted: ReadonlySet<number> = new Set()): Promise<void> {
    const { configs, statuses } = this.#services;
    const raw = configs.config(this.name);
    if (raw === undefined) return;
    const target = configs.targetState(this.name);
    if (target === 'STOPPED') {
      statuses.putConnector(this.name, 'STOPPED');
      return;
    }
    // As in Kafka Connect, work is dealt out when the connector is to work.
    if (target === 'PAUSED' && configs.taskConfigs(this.name).length === 0) {
      statuses.putConnector(this.name, 'PAUSED');
      return;
    }
    statuses.putConnector(this.name, state);
    const { connectors: startups } = this.#services.measures;
    startups.attempts++;
    try {
      const plan = await this.#plan(raw);
      this.#running = { plugin: plan.plugin, instance: await this.#ask('create', plan.plugin.create()) } as Running;
      await this.#ask('start', this.#running.instance.start(this.#context(), plan.config));
      await this.#configureTasks(raw, plan, restarted);
    } catch (error) {
      startups.failures++;
      throw error;
    }
    startups.successes++;
    await this.#reload.follow(raw);
    this.#failures = null;
    statuses.putConnector(this.name, target === 'PAUSED' ? 'PAUSED' : 'RUNNING');
  }

  /**
   * The plan of a config with its references resolved; throws a ConfigError that lists every problem. A task's config
   * has keys of the connector's own making, which nobody declares.
   */
  async #plan(raw: Raw, isTask = false): Promise<ConnectorPlan> {
    const { providers, plugins, raw: worker } = this.#services;
    const { resolved, problems } = await providers.resolve(raw);
    const planned = planConnector(plugins, resolved, worker);
    if (problems.length > 0) throw new ConfigError(problems);
    if (planned.plan === null || (!isTask && planned.problems.length > 0)) throw new ConfigError(planned.problems);
    for (const { key, message } of isTask ? [] : planned.warnings) this.#logger.warn({ key }, message);
    return planned.plan;
  }

  /** Asks for task configs; tasks whose config did not change go on undisturbed. */
  async #configureTasks(raw: Raw, plan: ConnectorPlan, restarted: ReadonlySet<number> = new Set()): Promise<void> {
    const { configs, loop } = this.#services;
    const max = plan.settings.number('tasks.max');
    const given = await this.#ask('taskConfigs', this.#running!.instance.taskConfigs(max));
    if (given.length > max && plan.settings.boolean('tasks.max.enforce')) {
      const message = `The connector ${this.name} has generated ${given.length} task configs, but tasks.max is ${max}. Raise tasks.max, or set tasks.max.enforce=false.`;
      throw new ConfigError([{ key: 'tasks.max', value: String(max), message }]);
    }
    const restore = (text: string) => this.#services.providers.restore(text, raw);
    const wanted = given.map((taskConfig) => storedTaskConfig(raw, plan, taskConfig, restore));
    await configs.putTaskConfigs(this.name, wanted);
    const before = this.#tasks;
    const isSame = (id: number) => sameConfig(before[id]?.config, wanted[id]) && !restarted.has(id);
    await Promise.all(before.map((task, id) => (isSame(id) ? undefined : task.life.stop(loop.stopTimeoutMs))));
    if (plan.isExactlyOnce) await this.#fence(wanted.length, isSame);
    this.#tasks = wanted.map((config, id) =>
      isSame(id) ? before[id]! : this.#createTask(id, config, plan, before[id]),
    );
    this.#forgetTasks(wanted.length, before.length);
    for (const [id, { life }] of this.#tasks.entries()) {
      if (!isSame(id)) life.start(restarted.has(id) ? 'RESTARTING' : 'UNASSIGNED');
    }
  }

  /**
   * KIP-618: a new set of tasks deals the work out anew, so nobody of the old set may write once the first of the new one
   * has read its offsets. A single task that is followed by a single one fences its predecessor by its own start.
   */
  async #fence(wanted: number, isSame: (id: number) => boolean): Promise<void> {
    const { configs, log, settings } = this.#services;
    const before = configs.taskCount(this.name);
    const isOneForOne = before <= 1 && wanted === 1;
    const mayWrite = Array.from({ length: isOneForOne ? 0 : before }, (_, task) => task);
    const gone = mayWrite.filter((task) => task >= wanted || !isSame(task));
    await fenceTasks(log, settings.string('group.id'), this.name, gone);
    await configs.putTaskCount(this.name, wanted);
  }

  #createTask(id: number, config: Raw, plan: ConnectorPlan, before?: Task): Task {
    const { statuses, configs } = this.#services;
    const logger = this.#services.loggers.named(`connector.${this.name}`, { connector: this.name, task: id });
    const books = before ?? {
      ledger: new Ledger((lost, ledger) => this.#onLost(id, lost, ledger)),
      measures: new TaskMeasures(),
      errors: { ...noErrors(), deadLetterRequests: 0, deadLetterFailures: 0 },
    };
    const { measures, errors } = books;
    const ledger = before?.life.isCutOff === true ? before.ledger.succeed() : books.ledger;
    const failures = new FailurePolicy(plan.settings);
    const life = new TaskLife(
      {
        name: `task ${id} of connector ${this.name}`,
        policy: failures,
        done: () => ledger.done,
        logger,
        createLoop: (onStarted) => this.#createLoop(id, config, { ledger, measures, errors, logger, onStarted }),
        onState: (state, trace) => statuses.putTask(this.name, id, state, trace),
        startups: this.#services.measures.tasks,
      },
      configs.targetState(this.name) === 'PAUSED',
    );
    return { life, ledger, measures, errors, failures, config, plan };
  }

  async #createLoop(
    id: number,
    config: Raw,
    books: Pick<TaskEnvironment, 'ledger' | 'measures' | 'errors' | 'logger' | 'onStarted'>,
  ): Promise<TaskLoop> {
    const { log, registry, offsets, loop, statuses, settings, providers, raw: workerKeys } = this.#services;
    const plan = await this.#plan(config, true);
    const isSource = plan.plugin.type === 'source';
    const isTracked = settings.boolean('topic.tracking.enable');
    const environment: TaskEnvironment = {
      connector: this.name,
      task: id,
      transactionalId: transactionalIdOf(settings.string('group.id'), this.name, id),
      workerKeys,
      log,
      registry,
      hide: (text) => providers.redaction.hide(text),
      offsets: await offsets.of(isSource ? plan.settings.optionalString('offsets.storage.topic') : null),
      loop,
      ...books,
      onTopic: (topic) => isTracked && statuses.addTopic(this.name, id, topic),
    };
    const running = this.#running;
    if (running === null) throw new Error(`Connector ${this.name} is not running.`);
    if (running.plugin.type === 'source') {
      return new SourceLoop(environment, plan, (running.instance as SourceConnector).createTask());
    }
    return new SinkLoop(environment, plan, (running.instance as SinkConnector).createTask());
  }

  /** The books do not balance: a defect, ours or a plugin's, and the only trace of a record that nobody has any more. */
  #onLost(task: number, lost: number, { read, written, filtered, deadLettered, skipped, released }: Ledger): void {
    const books = { read, written, filtered, deadLettered, skipped, released, lost };
    const what = lost > 0 ? `lost track of ${lost} record(s)` : `counted ${-lost} record(s) more than it had read`;
    const message = `Task ${task} of connector ${this.name} ${what}. Did the task change an array it had handed over?`;
    this.#logger.error({ task, code: 'LEDGER_MISMATCH', ledger: books }, message);
  }

  async #restartTask(id: number, timeoutMs: number): Promise<void> {
    const task = this.#tasks[id];
    if (task === undefined) return;
    await task.life.stop(timeoutMs);
    const plan = await this.#plan(task.config, true);
    const fresh = this.#createTask(id, task.config, plan, task);
    this.#tasks = this.#tasks.map((each, index) => (index === id ? fresh : each));
    fresh.life.start('RESTARTING');
  }

  async #stop(timeoutMs: number): Promise<void> {
    clearTimeout(this.#retry);
    this.#reload.stop();
    await Promise.all(this.#tasks.map(({ life }) => life.stop(timeoutMs)));
    this.#tasks = [];
    await this.#stopInstance();
  }

  async #stopInstance(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    try {
      await within(`Stopping ${this.name}`, this.#services.loop.stopTimeoutMs, running?.instance.stop());
    } catch (error) {
      this.#logger.warn({ err: error }, `Connector ${this.name} did not stop cleanly: ${messageOf(error)}`);
    }
  }

  #forgetTasks(from: number, to = Number.POSITIVE_INFINITY): void {
    const { statuses } = this.#services;
    for (let id = from; id < to && statuses.task(this.name, id) !== undefined; id++) statuses.forgetTask(this.name, id);
  }

  #context(): ConnectorContext {
    const { configs } = this.#services;
    return {
      name: this.name,
      logger: this.#logger,
      requestTaskReconfiguration: () =>
        void this.#inTurn(async () => {
          const raw = configs.config(this.name);
          if (raw !== undefined && this.#running !== null) await this.#configureTasks(raw, await this.#plan(raw));
        }),
      raiseError: (error) => this.#fail(asError(error)),
    };
  }
}

/**
 * What is kept of a task's config: the connector's, unresolved, and the task's own keys. A value the connector copied
 * from its resolved config, or made of it, goes back to the references it came from, so that no secret is stored.
 */
function storedTaskConfig(
  raw: Raw,
  plan: ConnectorPlan,
  taskConfig: TaskConfig,
  restore: (text: string) => string,
): Raw {
  const stored: Record<string, string> = { ...raw };
  for (const [key, value] of Object.entries(taskConfig)) {
    const origin = Object.keys(raw).find((each) => plan.config.raw[each] === value && raw[each] !== value);
    stored[key] = origin === undefined ? restore(value) : raw[origin]!;
  }
  stored['task.class'] = plan.plugin.class;
  return stored;
}

function sameConfig(a: Raw | undefined, b: Raw | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
