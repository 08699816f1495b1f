/**
 * The levels of the broker's loggers as BROKER_LOGGER resources (KIP-412): they count at once and until the process ends,
 * nothing keeps them. What there is to set is a port: whoever starts the broker made the loggers.
 */
import { BrokerError } from '../errors.ts';
import type { AlterableConfig } from '../protocol/messages/generated/incremental-alter-configs-request.ts';

/** The loggers of the process; the first is the root, whose level counts for all that have none of their own. */
export interface LogLevels {
  readonly root: string;
  names(): readonly string[];
  /** In Kafka's words: TRACE, DEBUG, INFO, WARN, ERROR, FATAL; OFF for one that says nothing. */
  levelOf(name: string): string;
  /** Null takes the root's. */
  setLevel(name: string, level: string | null): void;
}

/** Where nobody said what to set. */
export const noLogLevels: LogLevels = { root: 'root', names: () => [], levelOf: () => 'OFF', setLevel: () => {} };

const levels = ['DEBUG', 'ERROR', 'FATAL', 'INFO', 'TRACE', 'WARN'];
const operations = { 0: 'SET', 1: 'DELETE', 2: 'APPEND', 3: 'SUBTRACT' } as Readonly<Record<number, string>>;

/** All of them or none. Throws INVALID_CONFIG and INVALID_REQUEST as Kafka's RuntimeLoggerManager does. */
export function alterLogLevels(logs: LogLevels, configs: readonly AlterableConfig[], validateOnly: boolean): void {
  for (const config of configs) check(logs, config);
  if (validateOnly) return;
  for (const { name, value, configOperation } of configs) logs.setLevel(name, configOperation === 0 ? value : null);
}

function check(logs: LogLevels, { name, value, configOperation }: AlterableConfig): void {
  const operation = operations[configOperation];
  if (operation !== 'SET' && operation !== 'DELETE') {
    const why = `${operation ?? configOperation} operation is not allowed for the BROKER_LOGGER resource`;
    throw new BrokerError('INVALID_REQUEST', why);
  }
  if (!logs.names().includes(name)) throw new BrokerError('INVALID_CONFIG', `Logger ${name} does not exist!`);
  if (operation === 'DELETE') {
    if (name !== logs.root) return;
    throw new BrokerError('INVALID_REQUEST', `Removing the log level of the ${name} logger is not allowed`);
  }
  if (levels.includes(value ?? '')) return;
  const why = `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${levels.join(', ')}`;
  throw new BrokerError('INVALID_CONFIG', why);
}
