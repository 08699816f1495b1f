/** DropHeaders, HeaderFrom, InsertHeader: the transforms that touch headers. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  DataError,
  fieldSchema,
  type Header,
  parseValueText,
  type Transform,
} from '../api/index.ts';
import {
  emptyListProblem,
  fieldsOf,
  likeOriginal,
  onBothSides,
  onRecord,
  replaceNullWithDefault,
  type Side,
  withDefaults,
  withHeaders,
} from './side.ts';

class DropHeaders implements Transform {
  #names: ReadonlySet<string> = new Set();

  configure(config: Config): void {
    this.#names = new Set(config.list('headers'));
  }

  apply<R extends ConnectRecord>(record: R): R {
    const headers = record.headers.filter(({ key }) => !this.#names.has(key));
    return headers.length === record.headers.length ? record : withHeaders(record, headers);
  }
}

class InsertHeader implements Transform {
  #header: Header = { key: '', value: null, schema: null };

  configure(config: Config): void {
    this.#header = { key: config.string('header'), ...parseValueText(config.string('value.literal')) };
  }

  apply<R extends ConnectRecord>(record: R): R {
    return withHeaders(record, [...record.headers, this.#header]);
  }
}

class HeaderFrom implements Transform {
  readonly #side: Side;
  #fields: readonly string[] = [];
  #headers: readonly string[] = [];
  #isMove = false;
  #replacesNull = true;

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#fields = config.list('fields');
    this.#headers = config.list('headers');
    this.#replacesNull = config.boolean('replace.null.with.default');
    this.#isMove = config.string('operation') === 'move';
    if (this.#fields.length !== this.#headers.length) {
      throw new ConfigError(
        `HeaderFrom has ${this.#fields.length} fields and ${this.#headers.length} headers: list as many of both.`,
      );
    }
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const given = fieldsOf(value, 'header from');
    if (given === null) throw new DataError('HeaderFrom needs a struct or a map, this record has no value.');
    const schema = this.#side.schema(record);
    const fields = withDefaults(given, schema, this.#replacesNull, value);
    const added = this.#fields.map((name, index): Header => {
      const memberSchema = schema === null ? null : fieldSchema(schema, name);
      if (memberSchema === undefined) throw new DataError(`HeaderFrom: the struct has no field "${name}".`);
      const member = likeOriginal(value, fields[name] ?? null, memberSchema);
      return { key: this.#headers[index]!, value: member, schema: memberSchema };
    });
    const headers = [...record.headers, ...added];
    if (!this.#isMove) return withHeaders(record, headers);
    const isKept = (name: string) => !this.#fields.includes(name);
    const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => isKept(name)));
    const newSchema =
      schema === null ? null : { ...schema, fields: (schema.fields ?? []).filter(({ name }) => isKept(name)) };
    return withHeaders(this.#side.with(record, newSchema, likeOriginal(value, kept, newSchema)), headers);
  }
}

export const headerPlugins = [
  onRecord(
    'DropHeaders',
    { headers: { type: 'list', doc: 'Headers to remove.', importance: 'high', validate: emptyListProblem } },
    () => new DropHeaders(),
    { leavesText: true },
  ),
  onRecord(
    'InsertHeader',
    {
      header: { type: 'string', doc: 'The name of the header.', importance: 'high' },
      'value.literal': {
        type: 'string',
        mayBeEmpty: true,
        doc: 'Its value; the type is what it looks like.',
        importance: 'high',
      },
    },
    () => new InsertHeader(),
    { leavesText: true },
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
