/** DropHeaders, HeaderFrom, InsertHeader: the transforms that touch headers. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  fieldSchema,
  type Header,
  type Schema,
  Schemas,
  type Transform,
} from '../api/index.ts';
import { fieldsOf, likeOriginal, onBothSides, onRecord, replaceNullWithDefault, type Side } from './side.ts';

class DropHeaders implements Transform {
  #names: ReadonlySet<string> = new Set();

  configure(config: Config): void {
    this.#names = new Set(config.list('headers'));
  }

  apply<R extends ConnectRecord>(record: R): R {
    const headers = record.headers.filter(({ key }) => !this.#names.has(key));
    return headers.length === record.headers.length ? record : { ...record, headers };
  }
}

class InsertHeader implements Transform {
  #header: Header = { key: '', value: null, schema: null };

  configure(config: Config): void {
    const text = config.string('value.literal');
    this.#header = { key: config.string('header'), ...literal(text) };
  }

  apply<R extends ConnectRecord>(record: R): R {
    return { ...record, headers: [...record.headers, this.#header] };
  }
}

/** The type a literal looks like: null, boolean, whole number, number, else text. */
function literal(text: string): { value: ConnectValue; schema: Schema | null } {
  if (text === 'null') return { value: null, schema: null };
  if (text === 'true' || text === 'false') return { value: text === 'true', schema: Schemas.boolean };
  if (/^[+-]?\d{1,15}$/.test(text)) return { value: Number(text), schema: wholeSchema(Number(text)) };
  if (/^[+-]?\d*\.\d+$/.test(text)) return { value: Number(text), schema: Schemas.float64 };
  return { value: text, schema: Schemas.string };
}

function wholeSchema(value: number): Schema {
  for (const [bits, schema] of [
    [8, Schemas.int8],
    [16, Schemas.int16],
    [32, Schemas.int32],
  ] as const) {
    if (value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)) return schema;
  }
  return Schemas.int64;
}

class HeaderFrom implements Transform {
  readonly #side: Side;
  #fields: readonly string[] = [];
  #headers: readonly string[] = [];
  #isMove = false;

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#fields = config.list('fields');
    this.#headers = config.list('headers');
    this.#isMove = config.string('operation') === 'move';
    if (this.#fields.length !== this.#headers.length) {
      throw new ConfigError(
        `HeaderFrom has ${this.#fields.length} fields and ${this.#headers.length} headers: list as many of both.`,
      );
    }
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const fields = fieldsOf(value, 'header from');
    if (fields === null) return record;
    const schema = this.#side.schema(record);
    const added = this.#fields.map((name, index): Header => {
      const memberSchema = schema === null ? null : (fieldSchema(schema, name) ?? null);
      const member = likeOriginal(value, fields[name] ?? null, memberSchema);
      return { key: this.#headers[index]!, value: member, schema: memberSchema };
    });
    const headers = [...record.headers, ...added];
    if (!this.#isMove) return { ...record, headers };
    const isKept = (name: string) => !this.#fields.includes(name);
    const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => isKept(name)));
    const newSchema =
      schema === null ? null : { ...schema, fields: (schema.fields ?? []).filter(({ name }) => isKept(name)) };
    return { ...this.#side.with(record, newSchema, likeOriginal(value, kept, newSchema)), headers };
  }
}

export const headerPlugins = [
  onRecord(
    'DropHeaders',
    { headers: { type: 'list', doc: 'Headers to remove.', importance: 'high' } },
    () => new DropHeaders(),
  ),
  onRecord(
    'InsertHeader',
    {
      header: { type: 'string', doc: 'The name of the header.', importance: 'high' },
      'value.literal': { type: 'string', doc: 'Its value; the type is what it looks like.', importance: 'high' },
    },
    () => new InsertHeader(),
  ),
  ...onBothSides(
    'HeaderFrom',
    {
      fields: { type: 'list', doc: 'Fields to take.', importance: 'high' },
      headers: { type: 'list', doc: 'Headers to make of them, in the same order.', importance: 'high' },
      operation: { type: 'string', oneOf: ['move', 'copy'], doc: 'move removes the fields.', importance: 'high' },
      'replace.null.with.default': replaceNullWithDefault,
    },
    (side) => new HeaderFrom(side),
  ),
];
