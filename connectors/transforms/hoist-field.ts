/** HoistField: wraps the whole key or value in a struct (a map where there is no schema) with one field. */
import { type Config, type ConnectRecord, JsonText, type Schema, type Transform } from '../api/index.ts';
import { likeOriginal, onBothSides, perSchema, type Side } from './side.ts';

class HoistField implements Transform {
  readonly #side: Side;
  #name = '';
  readonly #schemaOf = perSchema((schema): Schema => ({ type: 'struct', fields: [{ name: this.#name, schema }] }));

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#name = config.string('field');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const schema = this.#side.schema(record);
    const hoisted = this.#side.own(record, { [this.#name]: value instanceof JsonText ? value.parse() : value });
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    return this.#side.with(record, newSchema, likeOriginal(value, hoisted, newSchema));
  }
}

export const hoistFieldPlugins = onBothSides(
  'HoistField',
  { field: { type: 'string', doc: 'The name of the field.', importance: 'medium' } },
  (side) => new HoistField(side),
);
