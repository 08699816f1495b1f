/**
 * The worker: every operation on connectors, as the REST door, a folder of files and tests ask for them.
 *
 * The config store says what should be; a {@link ConnectorLife} per connector makes it so. Validation happens here,
 * before anything is stored.
 */
import type { ConfigProblem, Signal } from '../../connectors/api/index.ts';
import { DeadlineError, InvalidConfigError, messageOf, RequestError } from '../errors.ts';
import type { TargetState } from '../stores/config-store.ts';
import type { State, Status } from '../stores/status-store.ts';
import { within } from './backoff.ts';
import { type ConfigInfos, configInfos } from './config-infos.ts';
import { ConnectorLife } from './connector-life.ts';
import { ConnectorOffsets } from './connector-offsets.ts';
import type { LedgerCounts } from './ledger.ts';
import { type ConnectorPlan, type PlannedProblem, planConnector, type Raw } from './plan.ts';
import type { Services } from './services.ts';

export interface ConnectorInfo {
  readonly name: string;
  readonly config: Raw;
  readonly tasks: readonly TaskId[];
  readonly type: 'source' | 'sink' | 'unknown';
}

export interface TaskId {
  readonly connector: string;
  readonly task: number;
}

interface StatusInfo {
  readonly state: State;
  readonly worker_id: string;
  readonly trace?: string;
  readonly version?: string;
  /** What a plugin of `plugin.path` does wrong without failing: blocks the event loop, leaves handles open. */
  readonly warnings?: readonly string[];
}

export interface TaskStatusInfo extends StatusInfo {
  readonly id: number;
  /** What the task counts and measures itself, where it does: rows of a snapshot, milliseconds behind, … */
  readonly figures?: Readonly<Record<string, number>>;
  /** Only where the books of the task do not balance: an alarm. */
  readonly ledger?: Books;
}

/** The books of a task; `mismatch` is how many records were lost track of. */
export type Books = LedgerCounts & { readonly inFlight: number; readonly mismatch: number };

export interface ConnectorStatusInfo {
  readonly name: string;
  readonly connector: StatusInfo;
  readonly tasks: readonly TaskStatusInfo[];
  readonly type: ConnectorInfo['type'];
}

/** Longer names do not fit into Kafka's 249 bytes of a topic or group name beside their prefixes. */
const MAX_NAME_LENGTH = 200;

/** A database that does not answer `validate` by then is a problem to report. */
const CHECK_TIMEOUT_MS = 15_000;
/** After the tasks' own deadline, for connectors to let go of what they hold. */
const STOP_GRACE_MS = 1_000;

export class Worker {
  readonly services: Services;
  readonly offsets: ConnectorOffsets;
  readonly #lives = new Map<string, ConnectorLife>();
  /** Creations and deletions under way, by name: the next one of a name waits for the last. */
  readonly #changes = new Map<string, Promise<unknown>>();
  #isStopped = false;

  constructor(services: Services) {
    this.services = services;
    this.offsets = new ConnectorOffsets(services, (name) => this.#life(name));
  }

  /** Tells every stored connector to start; they do so side by side, behind the caller's back. */
  startStored(): void {
    for (const name of this.services.configs.names()) this.#add(name).start();
  }

  /** Stops all connectors together, within the deadline. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const { stopTimeoutMs } = this.services.loop;
    const stopped = Promise.all([...this.#lives.values()].map((life) => life.stop(stopTimeoutMs)));
    // A connector that hangs in its own start or stop must not hold up the rest of the house.
    await within('Stopping the connectors', stopTimeoutMs + STOP_GRACE_MS, stopped).catch((error: unknown) => {
      if (!(error instanceof DeadlineError)) throw error;
    });
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  names(): readonly string[] {
    return this.services.configs.names();
  }

  lives(): Iterable<ConnectorLife> {
    return this.#lives.values();
  }

  info(name: string): ConnectorInfo {
    const config = this.config(name);
    const tasks = this.services.configs.taskConfigs(name).map((_, task) => ({ connector: name, task }));
    return { name, config, tasks, type: this.#typeOf(config) };
  }

  config(name: string, notFound = `Connector ${name} not found`): Raw {
    const config = this.services.configs.config(name);
    if (config === undefined) throw new RequestError(404, notFound);
    return config;
  }

  taskInfos(name: string): { id: TaskId; config: Raw }[] {
    this.config(name);
    const configs = this.services.configs.taskConfigs(name);
    return configs.map((config, task) => ({ id: { connector: name, task }, config }));
  }

  status(name: string): ConnectorStatusInfo {
    const config = this.config(name, `No status found for connector ${name}`);
    const { statuses, configs } = this.services;
    const version = this.#pluginOf(config)?.version;
    const tasks = configs.taskConfigs(name).map((_, id) => this.#taskStatus(name, id, version));
    return {
      name,
      connector: statusInfo(statuses.connector(name), this.services.statuses.workerId, version),
      tasks,
      type: this.#typeOf(config),
    };
  }

  taskStatus(name: string, id: number): TaskStatusInfo {
    const notFound = `No status found for task ${name}-${id}`;
    const config = this.config(name, notFound);
    if (this.services.configs.taskConfigs(name)[id] === undefined) throw new RequestError(404, notFound);
    return this.#taskStatus(name, id, this.#pluginOf(config)?.version);
  }

  /** The books of a task that runs here. */
  ledger(name: string, id: number): Books | null {
    const ledger = this.#life(name).tasks[id]?.ledger;
    if (ledger === undefined) return null;
    const { read, written, filtered, deadLettered, skipped, released, inFlight } = ledger;
    return { read, written, filtered, deadLettered, skipped, released, inFlight, mismatch: ledger.mismatch() };
  }

  /** 409 when the name is taken, 400 when the config is no good; resolves when it is stored. */
  create(name: string, config: Raw, initial?: TargetState): Promise<ConnectorInfo> {
    return this.#change(name, async () => {
      checkName(name);
      if (this.services.configs.config(name) !== undefined) {
        throw new RequestError(409, `Connector ${name} already exists`);
      }
      return this.#store(name, config, initial ?? 'STARTED');
    });
  }

  /** Creates or replaces. */
  put(name: string, config: Raw): Promise<{ readonly created: boolean; readonly info: ConnectorInfo }> {
    return this.#change(name, async () => {
      checkName(name);
      const before = this.services.configs.config(name);
      if (before === undefined) return { created: true, info: await this.#store(name, config, 'STARTED') };
      return { created: false, info: await this.#store(name, config) };
    });
  }

  /** KIP-477: null deletes a key. */
  patch(name: string, changes: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    return this.#change(name, async () => {
      const config: Record<string, string> = { ...this.config(name) };
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) delete config[key];
        else config[key] = value;
      }
      return this.#store(name, config);
    });
  }

  remove(name: string): Promise<void> {
    return this.#change(name, () => this.#remove(name));
  }

  async #remove(name: string): Promise<void> {
    this.config(name);
    const life = this.#life(name);
    await this.services.configs.remove(name);
    await life.stop(this.services.loop.stopTimeoutMs);
    for (let id = 0; this.services.statuses.task(name, id) !== undefined; id++) {
      this.services.statuses.forgetTask(name, id);
    }
    this.services.statuses.forgetConnector(name);
    this.services.loggers.forget(`connector.${name}`);
    this.#lives.delete(name);
  }

  async setTarget(name: string, target: TargetState): Promise<void> {
    this.config(name, `Unknown connector ${name}`);
    await this.services.configs.putTargetState(name, target);
    const following = this.#life(name).follow(target);
    // A caller who was told "stopped" may alter offsets next; pause and resume may take their time.
    if (target === 'STOPPED') await following;
  }

  /** A secret has another value: connectors that refer to it begin again, unless config.action.reload says not to. */
  secretChanged(secret: string): void {
    const reference = ['$', `{secrets:${secret}:`].join('');
    for (const [name, life] of this.#lives) {
      const config = this.services.configs.config(name) ?? {};
      const refers = Object.values(config).some((value) => value.includes(reference));
      const isStopped = this.services.configs.targetState(name) === 'STOPPED';
      if (refers && !isStopped && config['config.action.reload'] !== 'none') void life.restart(true, false);
    }
  }

  restart(name: string, includeTasks: boolean, onlyFailed: boolean): ConnectorStatusInfo {
    this.config(name, `Unknown connector: ${name}`);
    void this.#life(name).restart(includeTasks, onlyFailed);
    return this.status(name);
  }

  restartTask(name: string, id: number): void {
    this.config(name, `Unknown connector: ${name}`);
    void this.#life(name).restartTask(id);
  }

  /** Hands a command to a running task. */
  async signalTask(name: string, id: number, signal: Signal): Promise<void> {
    this.config(name, `Unknown connector: ${name}`);
    await this.#life(name).signalTask(id, signal);
  }

  /** What is wrong with a config, and every key it has, as `validate` answers. */
  async validate(name: string, config: Raw): Promise<ConfigInfos> {
    const { planned, problems } = await this.#judge(config);
    // Only a config that is right in itself is worth a look at the real world.
    const found = problems.length === 0 && planned.plan !== null ? await checkWorld(planned.plan) : problems;
    const { plugins, raw, providers } = this.services;
    const said = found.flatMap(({ alsoAt, ...problem }: PlannedProblem) => {
      const hidden = { ...problem, message: providers.redaction.hide(problem.message) };
      return alsoAt === undefined ? [hidden] : [hidden, { ...hidden, key: alsoAt, value: config[alsoAt] ?? null }];
    });
    return configInfos(name, planned.sections, config, said, { plugins, worker: raw });
  }

  /** Resolves when everything asked of a connector so far is through. For tests and for `stop`. */
  async settled(name: string): Promise<void> {
    await this.#lives.get(name)?.settled();
  }

  async #change<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(name);
    const turn = before === undefined ? work() : before.then(work, work);
    this.#changes.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#changes.get(name) === turn) this.#changes.delete(name);
    }
  }

  async #store(name: string, given: Raw, target?: TargetState): Promise<ConnectorInfo> {
    const config = { ...given, name: given.name?.trim() ?? name };
    if (config.name !== name) {
      throw new RequestError(
        400,
        `Connector name configuration (${config.name}) doesn't match connector name in the URL (${name})`,
      );
    }
    const { problems } = await this.#judge(config);
    if (problems.length > 0) throw new InvalidConfigError(problems);
    const isUnchanged = JSON.stringify(this.services.configs.config(name)) === JSON.stringify(config);
    await this.services.configs.putConnector(name, config, target);
    const hasFailed = this.services.statuses.connector(name)?.state === 'FAILED';
    if (isUnchanged && !hasFailed && this.#lives.has(name)) return this.info(name);
    const known = this.#lives.get(name);
    if (known === undefined) this.#add(name).start();
    else void known.reconfigure();
    return this.info(name);
  }

  async #judge(config: Raw) {
    const { providers, plugins, raw } = this.services;
    const { resolved, problems: unresolved } = await providers.resolve(config);
    const planned = planConnector(plugins, resolved, raw);
    const broken = new Set(unresolved.map(({ key }) => key));
    const problems: PlannedProblem[] = [
      ...unresolved,
      ...planned.problems.filter(({ key }) => !broken.has(key)).map((problem) => unresolve(problem, config, resolved)),
    ];
    return { planned, problems };
  }

  #add(name: string): ConnectorLife {
    const life = new ConnectorLife(this.services, name);
    this.#lives.set(name, life);
    if (this.services.statuses.connector(name) === undefined) this.services.statuses.putConnector(name, 'UNASSIGNED');
    return life;
  }

  #life(name: string): ConnectorLife {
    const life = this.#lives.get(name);
    if (life === undefined) throw new RequestError(404, `Connector ${name} not found`);
    return life;
  }

  #taskStatus(name: string, id: number, version: string | undefined): TaskStatusInfo {
    const { statuses, pluginPath } = this.services;
    const warnings = pluginPath.notes(name, id);
    const status = statusInfo(statuses.task(name, id), statuses.workerId, version);
    const ledger = this.#lives.has(name) ? this.ledger(name, id) : null;
    const isAlarm = ledger !== null && ledger.mismatch !== 0;
    const figures = this.#lives.get(name)?.tasks[id]?.measures.figures() ?? {};
    return {
      id,
      ...status,
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(Object.keys(figures).length === 0 ? {} : { figures }),
      ...(isAlarm ? { ledger } : {}),
    };
  }

  #pluginOf(config: Raw) {
    const range = config['connector.plugin.version'];
    const plugin = this.services.plugins.choose(config['connector.class']?.trim() ?? '', range, 'source', 'sink');
    return typeof plugin === 'string' ? undefined : plugin;
  }

  /** Of the plugin that a connector names; null where nobody knows it. */
  versionOf(name: string): string | null {
    return this.#pluginOf(this.services.configs.config(name) ?? {})?.version ?? null;
  }

  typeOf(name: string): ConnectorInfo['type'] {
    return this.#typeOf(this.services.configs.config(name) ?? {});
  }

  #typeOf(config: Raw): ConnectorInfo['type'] {
    return this.#pluginOf(config)?.type ?? 'unknown';
  }
}

/** Asks the connector to look at what it would connect to; what it finds belongs to a key each. */
async function checkWorld(plan: ConnectorPlan): Promise<readonly ConfigProblem[]> {
  try {
    const check = async () => (await plan.plugin.create()).check?.(plan.config);
    return (await within('The check', CHECK_TIMEOUT_MS, check())) ?? [];
  } catch (error) {
    return [{ key: 'connector.class', value: plan.plugin.class, message: `The check failed: ${messageOf(error)}` }];
  }
}

function statusInfo(status: Status | undefined, workerId: string, version: string | undefined): StatusInfo {
  return {
    state: status?.state ?? 'UNASSIGNED',
    worker_id: status?.workerId ?? workerId,
    ...(status?.trace === undefined ? {} : { trace: status.trace }),
    ...(version === undefined ? {} : { version }),
  };
}

function checkName(name: string): void {
  const problem =
    name === ''
      ? 'it is empty'
      : name.length > MAX_NAME_LENGTH
        ? `it has ${name.length} characters, ${MAX_NAME_LENGTH} is the most`
        : [...name].some((letter) => letter.charCodeAt(0) < 32)
          ? 'it has control characters'
          : null;
  if (problem !== null)
    throw new RequestError(400, `The connector name ${JSON.stringify(name)} cannot be used: ${problem}.`);
}

/** A message about a resolved value quotes the reference instead: the value may be a secret. */
function unresolve(problem: PlannedProblem, raw: Raw, resolved: Raw): PlannedProblem {
  const written = raw[problem.key];
  const value = resolved[problem.key];
  if (written === undefined || value === undefined || written === value) return problem;
  const message = problem.message.replaceAll(JSON.stringify(value), JSON.stringify(written)).replaceAll(value, written);
  return { ...problem, value: written, message };
}
