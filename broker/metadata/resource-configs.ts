/**
 * Configs that change while the broker runs: its own, those of all brokers (KIP-226) and those of single groups, kept in
 * the metadata log. A change is checked, written, obeyed and then answered; changes happen one after the other. Topics
 * keep theirs with themselves (topics.ts).
 *
 *     config/broker/        {key: value}   for all brokers
 *     config/broker/<id>    {key: value}   for this one
 *     config/group/<name>   {key: value}
 */
import { BrokerConfigError, BrokerError } from '../errors.ts';
import { splitListenerKey } from '../security/security-config.ts';
import { BrokerConfig, brokerConfigs, type DynamicLayers } from './broker-config.ts';
import { type ConfigDefinition, problemWith } from './config-definition.ts';
import { checkGroupConfig } from './group-config.ts';
import type { MetadataStore } from './metadata-log.ts';

export type ConfigValues = Readonly<Record<string, string>>;

/** Whose configs: `name` is empty for those of all brokers. */
export interface ConfigOwner {
  readonly kind: 'broker' | 'group';
  readonly name: string;
}

const prefix = 'config/';
const none: ConfigValues = {};

export class ResourceConfigs {
  readonly #metadata: MetadataStore;
  readonly #config: BrokerConfig;
  readonly #nodeId: string;
  readonly #values = new Map<string, ConfigValues>();
  readonly #onChanged = new Set<(owner: ConfigOwner) => void>();
  readonly #checks = new Set<(candidate: BrokerConfig) => void>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(metadata: MetadataStore, config: BrokerConfig) {
    this.#metadata = metadata;
    this.#config = config;
    this.#nodeId = config.text('broker.id');
    for (const [key, value] of metadata.entries) {
      if (key.startsWith(prefix)) this.#values.set(key, value as ConfigValues);
    }
    this.#applyToBroker();
  }

  of(owner: ConfigOwner): ConfigValues {
    return this.#values.get(keyOf(owner)) ?? none;
  }

  /** A group's own value of a key; undefined where it has none. */
  groupValue(group: string, key: string): string | undefined {
    return this.#values.get(`${prefix}group/${group}`)?.[key];
  }

  /** Groups that have configs of their own. */
  groups(): string[] {
    const ofGroups = `${prefix}group/`;
    return [...this.#values.keys()].filter((key) => key.startsWith(ofGroups)).map((key) => key.slice(ofGroups.length));
  }

  /** Is shown what the broker's configuration would be, and throws what is wrong with it. */
  onCheck(check: (candidate: BrokerConfig) => void): void {
    this.#checks.add(check);
  }

  /** Called back when values count that did not before. */
  onChanged(listener: (owner: ConfigOwner) => void): void {
    this.#onChanged.add(listener);
  }

  /** `change` is called when all changes before are done; what it or the check throws is the outcome. */
  alter(owner: ConfigOwner, change: (values: ConfigValues) => ConfigValues, validateOnly: boolean): Promise<void> {
    const result = this.#lastChange.then(async () => {
      const before = this.of(owner);
      const after = change(before);
      this.#check(owner, before, after);
      if (validateOnly) return;
      const key = keyOf(owner);
      const isGone = Object.keys(after).length === 0;
      await this.#metadata.write([[key, isGone ? null : after]]);
      if (isGone) this.#values.delete(key);
      else this.#values.set(key, after);
      if (owner.kind === 'broker') this.#applyToBroker();
      for (const listener of this.#onChanged) listener(owner);
    });
    this.#lastChange = result.catch(() => {});
    return result;
  }

  #check({ kind, name }: ConfigOwner, before: ConfigValues, after: ConfigValues): void {
    if (kind === 'group') {
      checkGroupConfig(name, after, this.#config);
      return;
    }
    checkDynamicBrokerConfig(changedIn(before, after), name !== '');
    const candidate = new BrokerConfig(this.#config.atStart);
    const { broker, cluster } = this.#layers();
    candidate.setDynamic(name === '' ? { broker, cluster: after } : { broker: after, cluster });
    try {
      for (const check of this.#checks) check(candidate);
    } catch (error) {
      throw error instanceof BrokerConfigError ? new BrokerError('INVALID_REQUEST', error.message) : error;
    }
  }

  #layers(): DynamicLayers {
    return { broker: this.of({ kind: 'broker', name: this.#nodeId }), cluster: this.of({ kind: 'broker', name: '' }) };
  }

  #applyToBroker(): void {
    this.#config.setDynamic(this.#layers());
  }
}

function keyOf({ kind, name }: ConfigOwner): string {
  return `${prefix}${kind}/${name}`;
}

/** What a newer broker has kept must not stand in the way of a change that says nothing of it. */
function changedIn(before: ConfigValues, after: ConfigValues): ConfigValues {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
}

/** The definition of a key as brokers are given it, with or without the listener it is for. */
export function brokerDefinition(name: string): ConfigDefinition | undefined {
  return brokerConfigs.get(splitListenerKey(name)?.key ?? name);
}

/** Throws INVALID_REQUEST, Kafka's code for a broker's config that cannot be. */
function checkDynamicBrokerConfig(values: ConfigValues, isForOneBroker: boolean): void {
  const names = Object.keys(values);
  const isFixed = (name: string): boolean => brokerDefinition(name)?.update === undefined;
  refuse('Cannot update these configs dynamically', names.filter(isFixed));
  const isOfListeners = (name: string): boolean =>
    brokerDefinition(name)?.update === 'per-broker' && splitListenerKey(name) === null;
  refuse(
    'These security configs can be dynamically updated only per-listener using the listener prefix',
    names.filter(isOfListeners),
  );
  for (const name of names) {
    const problem = problemWith(brokerDefinition(name)!, values[name]!);
    if (problem === null) continue;
    throw new BrokerError('INVALID_REQUEST', `Invalid value ${values[name]} for configuration ${name}: it ${problem}.`);
  }
  const isPerBroker = (name: string): boolean => brokerDefinition(name)?.update === 'per-broker';
  const needsBroker = isForOneBroker ? [] : names.filter(isPerBroker);
  refuse('Cannot update these configs at default cluster level, broker id must be specified', needsBroker);
}

function refuse(why: string, names: readonly string[]): void {
  if (names.length > 0) throw new BrokerError('INVALID_REQUEST', `${why}: [${names.join(', ')}]`);
}
