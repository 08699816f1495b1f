/** Flatten: nested structs and maps become one level, names joined by a delimiter. Lists stay whole. */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  type Field,
  isFields,
  type Schema,
  type Transform,
} from '../api/index.ts';
import { type Fields, fieldsOf, likeOriginal, onBothSides, perSchema, type Side } from './side.ts';

class Flatten implements Transform {
  readonly #side: Side;
  #delimiter = '.';
  readonly #schemaOf = perSchema(
    (schema): Schema => ({ ...schema, fields: this.#flatFields(schema, '', schema.optional === true) }),
  );

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#delimiter = config.string('delimiter');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const fields = fieldsOf(value, 'flattening');
    if (fields === null) return record;
    const schema = this.#side.schema(record);
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    const flat: Record<string, ConnectValue> = {};
    if (schema === null) this.#flattenMap(fields, '', flat);
    else this.#flattenStruct(schema, fields, '', flat);
    return this.#side.with(record, newSchema, likeOriginal(value, this.#side.own(record, flat), newSchema));
  }

  #flattenMap(fields: Fields, prefix: string, flat: Record<string, ConnectValue>): void {
    for (const [name, member] of Object.entries(fields)) {
      if (isFields(member)) this.#flattenMap(member, this.#join(prefix, name), flat);
      else flat[this.#join(prefix, name)] = member;
    }
  }

  #flattenStruct(schema: Schema, fields: Fields | null, prefix: string, flat: Record<string, ConnectValue>): void {
    for (const { name, schema: each } of schema.fields ?? []) {
      const member = fields?.[name] ?? null;
      const path = this.#join(prefix, name);
      if (each.type === 'struct') this.#flattenStruct(each, isFields(member) ? member : null, path, flat);
      else flat[path] = member;
    }
  }

  /** A field below an optional struct is optional, and inherits the struct's default. */
  #flatFields(schema: Schema, prefix: string, isOptional: boolean): Field[] {
    const defaults = isFields(schema.defaultValue ?? null) ? (schema.defaultValue as Fields) : null;
    return (schema.fields ?? []).flatMap(({ name, schema: each }): Field[] => {
      const path = this.#join(prefix, name);
      const optional = isOptional || each.optional === true;
      if (each.type === 'map') throw new DataError(`Flatten does not take maps in a struct: "${path}" is one.`);
      if (each.type === 'struct') return this.#flatFields(each, path, optional);
      const fallback = each.defaultValue ?? defaults?.[name];
      return [{ name: path, schema: { ...each, optional, ...(fallback == null ? {} : { defaultValue: fallback }) } }];
    });
  }

  #join(prefix: string, name: string): string {
    return prefix === '' ? name : prefix + this.#delimiter + name;
  }
}

export const flattenPlugins = onBothSides(
  'Flatten',
  { delimiter: { type: 'string', default: '.', doc: 'Stands between the joined names.', importance: 'medium' } },
  (side) => new Flatten(side),
);
