/**
 * Keys that the JDBC sinks hand on unread: Confluent's `connection.*` to the JDBC driver, Debezium's `hibernate.*` to Hibernate. Those
 * that say how to connect are parameters of the URL, those that only tell Java how to work have no effect, any other is refused
 * by name. No I/O.
 */
import { type ConfigDef, type ConfigProblem, closest } from '../../api/index.ts';
import { parameterKind } from './sink-url.ts';

const CONNECTION = 'connection.';
const HIBERNATE = 'hibernate.';
/** Hibernate hands these on to the driver. */
const HIBERNATE_CONNECTION = 'hibernate.connection.';
/** Pools, batching, logging: how Hibernate works, which nothing that is written depends on. */
const ABOUT_JAVA =
  /^hibernate\.((c3p0|agroal|hikari|proxool|jdbc)\..+|(show|format|highlight)_sql|use_sql_comments|generate_statistics|connection\.(driver_class|provider_class|pool_size|autocommit|isolation|provider_disables_autocommit|handling_mode))$/;

/** A key of that family, with what it says; null where it belongs to none. */
function parameterOf(key: string, def: ConfigDef): string | null {
  if (key in def) return null;
  for (const family of [HIBERNATE_CONNECTION, CONNECTION]) if (key.startsWith(family)) return key.slice(family.length);
  return null;
}

/** Who connects is said by declared keys, which keep a password hidden; a URL would show it. */
const kindOf = (parameter: string) => (/^(user|password)$/.test(parameter) ? 'unknown' : parameterKind(parameter));

/** What keys of these families say about connecting, as parameters of the URL; the URL's own win, as in the driver. */
export function driverParameters(raw: Readonly<Record<string, string>>, def: ConfigDef): ReadonlyMap<string, string> {
  const given = Object.entries(raw).map(([key, value]) => [parameterOf(key, def), value] as const);
  return new Map(
    given.flatMap(([name, value]) => (name !== null && kindOf(name) === 'understood' ? [[name, value]] : [])),
  );
}

/** Keys of these families that would decide something we do not understand. */
export function driverKeyProblems(raw: Readonly<Record<string, string>>, def: ConfigDef): ConfigProblem[] {
  return Object.entries(raw).flatMap(([key, value]) => {
    const problem = problemOf(key, value, def);
    return problem === null ? [] : [{ key, value: null, message: problem }];
  });
}

function problemOf(key: string, value: string, def: ConfigDef): string | null {
  const parameter = parameterOf(key, def);
  const isHibernate = key.startsWith(HIBERNATE);
  if (parameter === null && !isHibernate) return null;
  if (ABOUT_JAVA.test(key) || (parameter !== null && kindOf(parameter) !== 'unknown')) return null;
  if (key === 'hibernate.dialect') {
    return /Postgre/.test(value) ? null : `"${key}" is ${value}, and this is the sink for Postgres. Leave it out.`;
  }
  if (isHibernate) {
    return `"${key}" is a setting of Hibernate that means nothing here. Leave it out; what a connection needs goes into connection.url (sslmode, currentSchema), connection.username and connection.password.`;
  }
  const hint = closest(key, Object.keys(def));
  const advice =
    hint === null ? 'Leave it out, or give it in connection.url if that takes it.' : `Did you mean "${hint}"?`;
  return `Unknown configuration "${key}": no parameter of the JDBC driver that is understood here. ${advice}`;
}
