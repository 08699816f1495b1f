/** InsertField: adds facts about the record (topic, partition, offset, timestamp) or a fixed text as fields. */
import {
  type AddAll,
  addAll,
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  type Field,
  JsonMembers,
  JsonText,
  LogicalNames,
  MemberNames,
  RecordDraft,
  type RecordValue,
  type Schema,
  Schemas,
  type SinkRecord,
  type Transform,
} from '../api/index.ts';
import {
  asMember,
  fieldsOf,
  hasDefaults,
  likeOriginal,
  onBothSides,
  perSchema,
  replaceNullWithDefault,
  type Side,
  valueSide,
  withDefaults,
  writable,
} from './side.ts';

type Source = 'topic' | 'partition' | 'offset' | 'timestamp' | 'static';

interface Insertion {
  readonly name: string;
  readonly source: Source;
  readonly schema: Schema;
}

const types: Record<Source, Schema> = {
  topic: Schemas.string,
  partition: Schemas.int32,
  offset: Schemas.int64,
  timestamp: { type: 'int64', name: LogicalNames.timestamp, version: 1 },
  static: Schemas.string,
};
const sources = Object.keys(types) as Source[];

/** Topics are few; where they are not, the oldest are worked out again. */
const TOPICS_MAX = 1_000;

class InsertField implements Transform {
  readonly #side: Side;
  #insertions: readonly Insertion[] = [];
  #addAll!: AddAll;
  #staticValue: string | null = null;
  #replacesNull = true;
  /** True where the members depend on the topic at most; then they are kept. */
  #isConstant = false;
  #members: JsonMembers | null = null;
  #membersTopic = '';
  #names: MemberNames | null = null;
  readonly #membersByTopic = new Map<string, JsonMembers | null>();
  readonly #schemaOf = perSchema((schema) => this.#extended(schema));

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    this.#staticValue = config.optionalString('static.value');
    this.#insertions = sources.flatMap((source) => {
      const written = config.optionalString(`${source}.field`);
      if (written === null) return [];
      // The suffix says whether the new field is required (!) or optional (?, the default).
      const name = written.replace(/[!?]$/, '');
      const schema = written.endsWith('!') ? types[source] : { ...types[source], optional: true };
      return [{ name, source, schema }];
    });
    this.#addAll = addAll(this.#insertions.map(({ name }) => name));
    this.#isConstant = this.#insertions.every(({ source }) => source === 'static' || source === 'topic');
    if (this.#insertions.length === 0) throw new ConfigError('No field insertion configured.');
    if (config.optionalString('static.field') !== null && this.#staticValue === null) {
      throw new ConfigError('static.value must be set when static.field is.');
    }
  }

  apply<R extends ConnectRecord>(record: R): R {
    const schema = this.#side.schema(record);
    if (schema === null && this.#isConstant && this.#side === valueSide && record instanceof RecordDraft) {
      const members = this.#membersOf(record);
      if (members !== null && record.addToValue(members)) return record;
    }
    const value = this.#side.value(record);
    if (value instanceof JsonText && value.isText && !(this.#replacesNull && hasDefaults(schema))) {
      const members = this.#membersOf(record);
      const extended = members === null ? null : value.withMembers(members);
      if (extended !== null) return this.#side.with(record, this.#newSchema(schema), extended);
    }
    const fields = fieldsOf(value, 'field insertion');
    if (fields === null) return record;
    const whole = withDefaults(fields, schema, this.#replacesNull, value);
    const extended = writable(this.#side, record, whole);
    this.#insert(record, value, schema, extended);
    const newSchema = this.#newSchema(schema);
    return this.#side.with(record, newSchema, likeOriginal(value, extended, newSchema));
  }

  #newSchema(schema: Schema | null): Schema | null {
    return schema === null ? null : this.#schemaOf(schema);
  }

  #insert(
    record: ConnectRecord,
    value: RecordValue,
    schema: Schema | null,
    fields: Record<string, ConnectValue>,
  ): void {
    const values: ConnectValue[] = [];
    for (const { source } of this.#insertions) {
      const inserted = this.#valueOf(source, record);
      // A map has no logical types: the time is a number there.
      const isNumber = schema === null && inserted instanceof Date;
      values.push(isNumber ? inserted.getTime() : asMember(value, inserted));
    }
    if (schema !== null || !values.includes(null)) {
      this.#addAll(fields, values);
      return;
    }
    // What is absent is left out of a map.
    const present = this.#insertions.filter((_, index) => values[index] !== null);
    addAll(present.map(({ name }) => name))(
      fields,
      values.filter((each) => each !== null),
    );
  }

  /** Null where there are none. */
  #membersOf(record: ConnectRecord): JsonMembers | null {
    if (!this.#isConstant) return this.#membersNow(record);
    if (this.#membersTopic === record.topic) return this.#members;
    let members = this.#membersByTopic.get(record.topic);
    if (members === undefined) {
      members = this.#membersNow(record);
      if (this.#membersByTopic.size >= TOPICS_MAX) this.#membersByTopic.clear();
      this.#membersByTopic.set(record.topic, members);
    }
    this.#membersTopic = record.topic;
    this.#members = members;
    return members;
  }

  #membersNow(record: ConnectRecord): JsonMembers | null {
    const isMap = this.#side.schema(record) === null;
    const names: string[] = [];
    const json: string[] = [];
    for (const { name, source } of this.#insertions) {
      const inserted = this.#valueOf(source, record);
      // What is absent is left out of a map, and null in a struct.
      if (inserted === null && isMap) continue;
      // Of two with one name the last holds.
      const known = names.indexOf(name);
      const at = known < 0 ? names.length : known;
      names[at] = name;
      json[at] = JSON.stringify(inserted instanceof Date ? inserted.getTime() : inserted);
    }
    return names.length === 0 ? null : new JsonMembers(this.#sameNames(names), json);
  }

  /** Mostly all are there. */
  #sameNames(names: readonly string[]): MemberNames {
    const known = this.#names?.names;
    const isSame = known?.length === names.length && names.every((name, index) => name === known[index]);
    if (!isSame) this.#names = new MemberNames(names);
    return this.#names!;
  }

  #valueOf(source: Source, record: ConnectRecord): ConnectValue {
    switch (source) {
      case 'topic':
        return record.topic;
      case 'partition':
      case 'offset':
        return coordinate(record, source);
      case 'timestamp':
        return record.timestamp === null ? null : new Date(record.timestamp);
      case 'static':
        return this.#staticValue;
    }
  }

  #extended(schema: Schema): Schema {
    const names = new Set((schema.fields ?? []).map(({ name }) => name));
    const taken = this.#insertions.find(({ name }) => names.has(name));
    if (taken !== undefined) throw new DataError(`InsertField cannot add "${taken.name}": the struct has it already.`);
    const added = this.#insertions.map(({ name, schema: each }): Field => ({ name, schema: each }));
    return { ...schema, fields: [...(schema.fields ?? []), ...added] };
  }
}

/** Where a record stands in the log is known to sinks only. */
function coordinate(record: ConnectRecord, what: 'partition' | 'offset'): number | null {
  const { offset } = record as Partial<SinkRecord>;
  if (offset === undefined) throw new DataError(`InsertField knows the ${what} of a record in sinks only.`);
  return what === 'offset' ? offset : record.partition;
}

const field = (what: string) =>
  ({
    type: 'string',
    default: null,
    doc: `The field for ${what}; ! makes it required.`,
    importance: 'medium',
  }) as const;

export const insertFieldPlugins = onBothSides(
  'InsertField',
  {
    'topic.field': field('the topic'),
    'partition.field': field('the partition'),
    'offset.field': field('the offset; sinks only'),
    'timestamp.field': field('the timestamp of the record'),
    'static.field': field('a fixed text'),
    'static.value': { type: 'string', default: null, doc: 'The fixed text.', importance: 'medium' },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new InsertField(side),
  { leavesText: true },
);
