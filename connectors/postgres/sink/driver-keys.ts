/**
 * Keys that the JDBC sinks hand on to the JDBC driver unread: Confluent's `connection.*`, Debezium's `hibernate.connection.*`. Those
 * that say how to connect are parameters of the URL, those that only tell Java how to work have no effect; each is declared, so that
 * a misspelling of another key is none of them.
 */
import type { Config, ConfigDef, ConfigKey } from '../../api/index.ts';
import { any } from '../key-kinds.ts';
import { IDLE_PARAMETERS, SESSION_PARAMETERS } from './sink-url.ts';

const CONNECTION = 'connection.';
/** Hibernate hands these on to the driver. */
const HIBERNATE = 'hibernate.connection.';

const DRIVERS_WORK = 'how the JDBC driver does its work decides nothing here.';

const parameters = (prefix: string): ConfigDef =>
  Object.fromEntries(SESSION_PARAMETERS.map((name) => [`${prefix}${name}`, parameter(name)]));

function parameter(name: string): ConfigKey {
  const doc = `The parameter \`${name}\` of \`connection.url\`, where that does not say it itself.`;
  return { type: 'string', default: null, importance: 'low', doc };
}

/** Of Confluent's JDBC sink. */
export const confluentDriverKeys: ConfigDef = {
  ...parameters(CONNECTION),
  ...Object.fromEntries(IDLE_PARAMETERS.map((name) => [`${CONNECTION}${name}`, any('string', null, DRIVERS_WORK)])),
};

/** Of Debezium's. The worker passes over the rest of `hibernate.*` with a warning. */
export const hibernateKeys: ConfigDef = parameters(HIBERNATE);

/** What these keys say about connecting, as parameters of the URL; the URL's own win, as in the driver. */
export function driverParameters(config: Config, dialect: 'confluent' | 'debezium'): ReadonlyMap<string, string> {
  const prefix = dialect === 'confluent' ? CONNECTION : HIBERNATE;
  const said = SESSION_PARAMETERS.map((name) => [name, config.optionalString(`${prefix}${name}`)] as const);
  return new Map(said.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
