/** MaskField: replaces fields by their type's empty value, or by a given replacement (text and numbers only). */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  LogicalNames,
  type Schema,
  Schemas,
  type Transform,
} from '../api/index.ts';
import { castValue } from './cast.ts';
import {
  emptyListProblem,
  fieldsOf,
  likeOriginal,
  onBothSides,
  replaceNullWithDefault,
  type Side,
  withDefaults,
  writable,
} from './side.ts';

class MaskField implements Transform {
  readonly #side: Side;
  #names: readonly string[] = [];
  #replacement: string | null = null;
  #replacesNull = true;

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#names = config.list('fields');
    this.#replacement = config.optionalString('replacement');
    this.#replacesNull = config.boolean('replace.null.with.default');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const fields = fieldsOf(value, 'mask fields');
    const schema = this.#side.schema(record);
    if (fields === null) throw new DataError('Only structs and maps can be masked, this record has no value.');
    const whole = withDefaults(fields, schema, this.#replacesNull, value);
    const masked = writable(this.#side, record, whole);
    for (const name of this.#names) {
      const member = whole[name] ?? null;
      if (schema === null && member === null) masked[name] = null;
      if (member !== null)
        masked[name] = this.#masked(name, member, schema === null ? undefined : fieldSchema(schema, name));
    }
    return this.#side.with(record, schema, likeOriginal(value, masked, schema));
  }

  #masked(name: string, value: ConnectValue, schema: Schema | undefined): ConnectValue {
    const isDecimal = schema?.name === LogicalNames.decimal;
    const replacement = this.#replacement ?? (isDecimal ? '0' : null);
    if (replacement === null) return schema?.type === 'bytes' && typeof value === 'string' ? '' : empty(value);
    if (typeof value === 'string' && !isDecimal) return replacement;
    if (typeof value !== 'number' && typeof value !== 'bigint' && !isDecimal) {
      throw new DataError(`Cannot mask field "${name}": a replacement is for text and numbers only.`);
    }
    const number = Number(replacement);
    if (Number.isNaN(number)) throw new DataError(`The replacement "${replacement}" of "${name}" is no number.`);
    return isDecimal ? replacement : castValue(number, schema?.type ?? 'float64', Schemas.float64);
  }
}

function empty(value: ConnectValue): ConnectValue {
  switch (typeof value) {
    case 'string':
      return '';
    case 'number':
    case 'bigint':
      return 0;
    case 'boolean':
      return false;
  }
  if (value instanceof Date) return new Date(0);
  if (value instanceof Uint8Array) return Buffer.alloc(0);
  if (value instanceof Map) return new Map();
  return Array.isArray(value) ? [] : {};
}

export const maskFieldPlugins = onBothSides(
  'MaskField',
  {
    fields: { type: 'list', doc: 'Fields to mask.', importance: 'high', validate: emptyListProblem },
    replacement: {
      type: 'string',
      default: null,
      doc: 'What to write instead of the empty value, for text and numbers.',
      validate: (text) => (text === '' ? 'must not be empty' : null),
    },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new MaskField(side),
);
