/** ReplaceField: keeps, drops and renames fields; exclude wins over include. */
import type { Config, ConnectRecord, ConnectValue, Schema, Transform } from '../api/index.ts';
import {
  fieldsOf,
  likeOriginal,
  onBothSides,
  pairs,
  pairsProblem,
  perSchema,
  replaceNullWithDefault,
  type Side,
  withDefaults,
} from './side.ts';

class ReplaceField implements Transform {
  readonly #side: Side;
  #include: ReadonlySet<string> = new Set();
  #exclude: ReadonlySet<string> = new Set();
  #renames: ReadonlyMap<string, string> = new Map();
  #replacesNull = true;
  readonly #schemaOf = perSchema((schema): Schema => {
    const kept = (schema.fields ?? []).filter(({ name }) => this.#keeps(name));
    return { ...schema, fields: kept.map((field) => ({ ...field, name: this.#nameOf(field.name) })) };
  });

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    const listOf = (key: string, old: string) => config.list(config.list(key).length > 0 ? key : old);
    this.#exclude = new Set(listOf('exclude', 'blacklist'));
    this.#include = new Set(listOf('include', 'whitelist'));
    this.#renames = pairs(config.list('renames'));
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const fields = fieldsOf(value, 'field replacement');
    if (fields === null) return record;
    const schema = this.#side.schema(record);
    const replaced: Record<string, ConnectValue> = {};
    const whole = withDefaults(fields, schema, this.#replacesNull, value);
    for (const name in whole) if (this.#keeps(name)) replaced[this.#nameOf(name)] = whole[name]!;
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    return this.#side.with(record, newSchema, likeOriginal(value, this.#side.own(record, replaced), newSchema));
  }

  #keeps(name: string): boolean {
    return !this.#exclude.has(name) && (this.#include.size === 0 || this.#include.has(name));
  }

  #nameOf(name: string): string {
    return this.#renames.get(name) ?? name;
  }
}

const list = (doc: string) => ({ type: 'list', default: [], doc, importance: 'medium' }) as const;

export const replaceFieldPlugins = onBothSides(
  'ReplaceField',
  {
    exclude: list('Fields to drop.'),
    include: list('Fields to keep; all others are dropped.'),
    renames: { ...list('Fields to rename, as old:new pairs.'), validate: pairsProblem },
    blacklist: list('The old name of exclude.'),
    whitelist: list('The old name of include.'),
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new ReplaceField(side),
);
