/** ValueToKey: makes a key of fields of the value. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  type Schema,
  type Transform,
} from '../api/index.ts';
import { fieldsOf, keySide, likeOriginal, onRecord, perSchema, replaceNullWithDefault, withDefaults } from './side.ts';

class ValueToKey implements Transform {
  #names: readonly string[] = [];
  #replacesNull = true;
  readonly #schemaOf = perSchema((schema): Schema => {
    const fields = this.#names.map((name) => {
      const found = fieldSchema(schema, name);
      if (found === undefined) throw new DataError(`Field does not exist: ${name}`);
      return { name, schema: found };
    });
    return { type: 'struct', fields };
  });

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    this.#names = config.list('fields');
    if (this.#names.length === 0) throw new ConfigError('ValueToKey needs at least one field.');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const fields = fieldsOf(record.value, 'copying fields from value to key');
    if (fields === null) throw new DataError('A record without a value has no fields to make a key of.');
    const whole = withDefaults(fields, record.valueSchema, this.#replacesNull, record.value);
    const keySchema = record.valueSchema === null ? null : this.#schemaOf(record.valueSchema);
    const key: Record<string, ConnectValue> = {};
    for (const name of this.#names) key[name] = whole[name] ?? null;
    return keySide.with(record, keySchema, likeOriginal(record.value, keySide.own(record, key), keySchema));
  }
}

export const valueToKeyPlugins = [
  onRecord(
    'ValueToKey',
    {
      fields: { type: 'list', doc: 'Fields of the value that become the key.', importance: 'high' },
      'replace.null.with.default': replaceNullWithDefault,
    },
    () => new ValueToKey(),
  ),
];
