/** ExtractField: one field becomes the whole key or value. V2 (KIP-821) takes a dotted path; backticks quote a name. */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  isFields,
  type Schema,
  type Transform,
} from '../api/index.ts';
import { fieldPath } from './field-path.ts';
import { asMember, fieldsOf, likeOriginal, onBothSides, replaceNullWithDefault, type Side } from './side.ts';

class ExtractField implements Transform {
  readonly #side: Side;
  #path: readonly string[] = [];
  #replacesNull = true;

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    const name = config.string('field');
    this.#path = config.string('field.syntax.version') === 'V2' ? fieldPath(name) : [name];
  }

  apply<R extends ConnectRecord>(record: R): R {
    const original = this.#side.value(record);
    let value: ConnectValue = fieldsOf(original, 'field extraction');
    let schema: Schema | null = this.#side.schema(record);
    for (const name of this.#path) {
      const next: Schema | undefined = schema === null ? undefined : fieldSchema(schema, name);
      if (schema !== null && next === undefined) throw new DataError(`Unknown field: ${this.#path.join('.')}`);
      schema = next ?? null;
      if (value !== null && !isFields(value))
        throw new DataError(`There is nothing below a value that has no fields: ${this.#path.join('.')}.`);
      value = value === null ? null : (value[name] ?? null);
    }
    if (value === null && this.#replacesNull && original !== null)
      value = asMember(original, schema?.defaultValue ?? null);
    return this.#side.with(record, schema, likeOriginal(original, value, schema));
  }
}

export const extractFieldPlugins = onBothSides(
  'ExtractField',
  {
    field: { type: 'string', doc: 'The field to extract.', importance: 'medium' },
    'field.syntax.version': {
      type: 'string',
      default: 'V1',
      oneOf: ['V1', 'V2'],
      doc: 'V2 takes a dotted path.',
      importance: 'high',
    },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new ExtractField(side),
);
