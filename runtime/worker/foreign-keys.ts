/**
 * Keys that configs found in the wild carry along, and that mean nothing where they stand: left over from another version
 * or class, or meant for a client or a worker. Kafka Connect passes over every key it does not know; here a key that
 * is known to be harmless passes with a warning, one that was meant to do something is refused with its new name, and only
 * the rest is taken for a misspelling. `foreign-classes.ts` is the same for classes.
 */
interface ForeignKey {
  readonly key: RegExp;
  /** The connector classes where this holds; everywhere when absent. */
  readonly of?: RegExp;
  /** Follows `"key" ` in a sentence. */
  readonly says: string;
  /** Nothing would come of it in Kafka Connect either, or nothing that anybody could see. */
  readonly isHarmless: boolean;
}

const postgres = /^(?:io\.debezium\.connector\.postgresql\.PostgresConnector|PostgresSource)$/;
const debeziumSink = /^io\.debezium\.connector\.jdbc\.JdbcSinkConnector$/;
const notCsv = /SpoolDir(?!Csv)\w+$/;
const ofLines = /SpoolDir(?:LineDelimited|SchemaLessJson|Binary\w*|ELF)\w*$/;

const renamed = (from: string, to: string): ForeignKey => ({
  key: new RegExp(`^${from.replaceAll('.', '\\.')}$`),
  of: postgres,
  says: `is Debezium 1’s name of "${to}": rename it.`,
  isHarmless: false,
});

const harmless = (key: RegExp, says: string, of?: RegExp): ForeignKey => ({
  key,
  says,
  isHarmless: true,
  ...(of === undefined ? {} : { of }),
});

const foreignKeys: readonly ForeignKey[] = [
  harmless(/^confluent\.(?:license|topic(?:\..+)?|metrics\..+)$/, 'is about a licence, which nobody needs here.'),
  harmless(
    /^(?:bootstrap\.servers|acks|compression\.type|linger\.ms|batch\.size\.bytes|security\.protocol|sasl\..+)$/,
    'is a setting of clients: it means something with "producer.override." or "consumer.override." before it.',
  ),
  harmless(/^schemas\.enable$/, 'belongs to a converter: write "value.converter.schemas.enable".'),
  harmless(
    /^(?:plugin\.path|offset\.storage\.file\.filename|offset\.flush\.interval\.ms|group\.id|rest\.port)$/,
    'is a key of the worker, not of a connector.',
  ),
  harmless(
    /^(?:database\.history|schema\.history\.internal)(?:\..+)?$/,
    'is for databases whose tables have to be remembered; Postgres says itself what a table looks like.',
    postgres,
  ),
  harmless(
    /^(?:slot\.creation\.timeout\.ms|create\.slot\.command\.timeout|source\.struct\.version|database\.sslfactory|database\.server\.id)$/,
    'is about the inside of another implementation.',
    postgres,
  ),
  harmless(
    /^hibernate\..+$/,
    'is for Hibernate, which has no part in this; the pool has keys that begin with "connection.pool.".',
    debeziumSink,
  ),
  harmless(
    /^auto\.(?:create|evolve)$/,
    'is the Confluent sink’s: here "schema.evolution" says whether tables are made and changed.',
    debeziumSink,
  ),
  harmless(/^csv\..+$/, 'is for CSV files.', notCsv),
  harmless(/^(?:schema\.generation\..+|(?:key|value)\.schema)$/, 'is for CSV and JSON files.', ofLines),
  renamed('schema.whitelist', 'schema.include.list'),
  renamed('schema.blacklist', 'schema.exclude.list'),
  renamed('table.whitelist', 'table.include.list'),
  renamed('table.blacklist', 'table.exclude.list'),
  renamed('column.whitelist', 'column.include.list'),
  renamed('column.blacklist', 'column.exclude.list'),
  renamed('toasted.value.placeholder', 'unavailable.value.placeholder'),
  renamed('sanitize.field.names', 'field.name.adjustment.mode'),
];

export interface Stray {
  readonly message: string;
  readonly isHarmless: boolean;
}

/** What is known of a key that nobody declares; null where it may as well be a misspelling. */
export function strayKey(key: string, connectorClass: string, raw: Readonly<Record<string, string>>): Stray | null {
  if (key === 'database.server.name' && postgres.test(connectorClass)) return serverName(raw);
  const unlisted = /^(transforms|predicates)\.([^.]+)\..+$/.exec(key);
  if (unlisted !== null) return unlistedStep(key, unlisted[1]!, unlisted[2]!, raw);
  const found = foreignKeys.find(
    (each) => each.key.test(key) && (each.of === undefined || each.of.test(connectorClass)),
  );
  if (found === undefined) return null;
  if (found.isHarmless) return { message: `"${key}" has no effect: it ${found.says}`, isHarmless: true };
  return { message: `Unknown configuration "${key}": it ${found.says}`, isHarmless: false };
}

/** Debezium 2 renamed it; configs that were moved on often kept both. */
function serverName(raw: Readonly<Record<string, string>>): Stray {
  const isKept = (raw['topic.prefix'] ?? '').trim() !== '';
  const is = 'Debezium 1’s name of "topic.prefix"';
  return isKept
    ? { message: `"database.server.name" has no effect: it is ${is}, which is set.`, isHarmless: true }
    : { message: `Unknown configuration "database.server.name": it is ${is}: rename it.`, isHarmless: false };
}

function unlistedStep(key: string, list: string, alias: string, raw: Readonly<Record<string, string>>): Stray | null {
  const listed = (raw[list] ?? '').split(',').map((each) => each.trim());
  if (listed.includes(alias)) return null;
  const message = `"${key}" belongs to "${alias}", which "${list}" does not list. Add it there, or remove the key.`;
  return { message, isHarmless: false };
}
