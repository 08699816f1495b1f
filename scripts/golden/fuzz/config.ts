/**
 * A configuration by chance: the modes that change what records look like.
 */
import { chance, type FuzzTable, pick, type Random } from './tables.ts';

const modes: Readonly<Record<string, readonly string[]>> = {
  'decimal.handling.mode': ['precise', 'string', 'double'],
  'time.precision.mode': [
    'adaptive',
    'adaptive_time_microseconds',
    'connect',
    'isostring',
    'microseconds',
    'nanoseconds',
  ],
  'interval.handling.mode': ['numeric', 'string'],
  'binary.handling.mode': ['bytes', 'base64', 'base64-url-safe', 'hex'],
  'hstore.handling.mode': ['json', 'map'],
  'include.unknown.datatypes': ['true', 'true', 'false'],
  'money.fraction.digits': ['0', '1', '2', '4'],
  'tombstones.on.delete': ['true', 'false'],
  'skipped.operations': ['none', 't', 'u', 'd', 'u,d'],
  'provide.transaction.metadata': ['true'],
  'skip.messages.without.change': ['true'],
  'unavailable.value.placeholder': ['absent', 'hex:00ff'],
  'schema.name.adjustment.mode': ['none', 'avro', 'avro_unicode'],
  'field.name.adjustment.mode': ['none', 'avro', 'avro_unicode'],
  'topic.delimiter': ['.', '_', '-'],
  'column.propagate.source.type': ['.*', '.*\\.c[0-5]'],
  'datatype.propagate.source.type': ['.*', '.*\\.VARCHAR,.*\\.NUMERIC,.*\\.INT4', '.*\\.public\\..*'],
  'snapshot.mode': ['initial', 'no_data'],
  'message.prefix.exclude.list': ['skip.*'],
  'publication.autocreate.mode': ['filtered', 'all_tables'],
  'schema.refresh.mode': ['columns_diff', 'columns_diff_exclude_unchanged_toast'],
};

export function randomConfig(random: Random, tables: readonly FuzzTable[]): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [key, values] of Object.entries(modes))
    if (chance(random, values.length > 2 ? 0.4 : 0.2)) config[key] = pick(random, values);
  if (chance(random, 0.25)) masks(random, config);
  const plain = tables.filter(({ schema, name }) => /^\w+$/.test(schema) && /^\w+$/.test(name));
  if (chance(random, 0.15) && plain.length > 0) {
    const { schema, name, columns } = pick(random, plain);
    const keys = columns
      .filter((column) => /^\w+$/.test(column.name) && column.type.isKeyable)
      .slice(0, 2)
      .map((column) => column.name);
    config['message.key.columns'] = `${schema}.${name}:${[...keys, 'id'].join(',')}`;
  }
  if (chance(random, 0.15)) config['column.exclude.list'] = '.*\\.c[1-3]';
  else if (chance(random, 0.1)) config['column.include.list'] = '.*\\.(id|c[0-4]),public.zz_end.id';
  return config;
}

/** The modes that decide how values are written; seed after seed another choice. */
export function typeModes(random: Random): Record<string, string> {
  const keys = Object.keys(modes).filter((key) => /mode$|digits$/.test(key) && /handling|precision|digits/.test(key));
  const config = Object.fromEntries(keys.map((key) => [key, pick(random, modes[key]!)]));
  return { ...config, 'include.unknown.datatypes': 'true', 'column.propagate.source.type': '.*' };
}

function masks(random: Random, config: Record<string, string>): void {
  const columns = () => `.*\\.c${random.below(8)}`;
  if (chance(random, 0.5)) config[`column.truncate.to.${random.below(4)}.chars`] = columns();
  if (chance(random, 0.5)) config[`column.mask.with.${random.below(4)}.chars`] = columns();
  if (chance(random, 0.5)) config['column.mask.hash.SHA-256.with.salt.pepper'] = columns();
  if (chance(random, 0.5)) config['column.mask.hash.v2.SHA-256.with.salt.pepper'] = columns();
}
