/** MaskField: replaces fields by their type's empty value, or by a given replacement (text and numbers only). */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  type Transform,
} from '../api/index.ts';
import { fieldsOf, likeOriginal, onBothSides, replaceNullWithDefault, type Side } from './side.ts';

class MaskField implements Transform {
  readonly #side: Side;
  #names: readonly string[] = [];
  #replacement: string | null = null;

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#names = config.list('fields');
    this.#replacement = config.optionalString('replacement') || null;
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const fields = fieldsOf(value, 'mask fields');
    const schema = this.#side.schema(record);
    if (fields === null) throw new DataError('Only structs and maps can be masked, this record has no value.');
    const masked: Record<string, ConnectValue> = { ...fields };
    for (const name of this.#names) {
      const member = fields[name];
      if (member === undefined) continue;
      const type = schema === null ? undefined : fieldSchema(schema, name)?.type;
      if (member !== null) masked[name] = this.#masked(name, member, type === 'bytes');
    }
    return this.#side.with(record, schema, likeOriginal(value, masked, schema));
  }

  #masked(name: string, value: ConnectValue, isBytes: boolean): ConnectValue {
    if (this.#replacement === null) return isBytes && typeof value === 'string' ? '' : empty(value);
    if (typeof value === 'string') return this.#replacement;
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw new DataError(`Cannot mask field "${name}": a replacement is for text and numbers only.`);
    }
    const number = Number(this.#replacement);
    if (Number.isNaN(number)) throw new DataError(`The replacement "${this.#replacement}" of "${name}" is no number.`);
    return number;
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
    fields: { type: 'list', doc: 'Fields to mask.', importance: 'high' },
    replacement: { type: 'string', default: null, doc: 'What to write instead of the empty value.' },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new MaskField(side),
);
