/**
 * Set: gives a record's value, key, headers, topic or timestamp what CEL expressions say.
 *
 * Each key of the config is a place, each value an expression: `value.total = value.price * value.count`,
 * `topic = "orders-" + value.region`. All of them see the record as it came.
 */
import {
  type Config,
  ConfigError,
  type ConfigKey,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  type Header,
  type Schema,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';
import { compile, type Expression, expressionProblem } from './expression.ts';
import { inferredSchema, optional } from './inferred-schema.ts';
import { asMember, fieldsOf, keySide, likeOriginal, type Side, valueSide } from './side.ts';

interface Assignment {
  /** The member of the key or value, or the header; empty is the whole. */
  readonly name: string;
  readonly expression: Expression;
}

type Added = Record<string, { readonly value: ConnectValue; readonly schema: Schema | null }>;

class SetByExpression implements Transform {
  #sides: readonly { readonly side: Side; readonly assignments: readonly Assignment[] }[] = [];
  #headers: readonly Assignment[] = [];
  #topic: Expression | null = null;
  #timestamp: Expression | null = null;
  /** Structs that were extended, by the schemas of what was added. */
  readonly #schemas = new WeakMap<Schema, Map<string, Schema>>();

  configure({ raw }: Config): void {
    const assignments = (place: string): Assignment[] =>
      Object.entries(raw).flatMap(([key, text]) => {
        if (key !== place && !key.startsWith(`${place}.`)) return [];
        return [{ name: key.slice(place.length + 1), expression: compile(text) }];
      });
    const sides = [
      { side: keySide, assignments: assignments('key') },
      { side: valueSide, assignments: assignments('value') },
    ];
    this.#sides = sides.filter((each) => each.assignments.length > 0);
    this.#headers = assignments('headers').filter(({ name }) => name !== '');
    this.#topic = raw.topic === undefined ? null : compile(raw.topic);
    this.#timestamp = raw.timestamp === undefined ? null : compile(raw.timestamp);
    const isEmpty = this.#sides.length + this.#headers.length === 0 && this.#topic === null && this.#timestamp === null;
    if (isEmpty) throw new ConfigError('Set needs at least one of value.*, key.*, headers.*, topic and timestamp.');
  }

  apply<R extends ConnectRecord>(record: R): R {
    let changed = record;
    for (const { side, assignments } of this.#sides) changed = this.#assigned(record, changed, side, assignments);
    if (this.#headers.length > 0) changed = { ...changed, headers: this.#withHeaders(record) };
    if (this.#topic !== null) changed = { ...changed, topic: topicOf(this.#topic.evaluate(record)) };
    if (this.#timestamp !== null) changed = { ...changed, timestamp: timestampOf(this.#timestamp.evaluate(record)) };
    return changed;
  }

  #assigned<R extends ConnectRecord>(original: R, changed: R, side: Side, assignments: readonly Assignment[]): R {
    const value = side.value(original);
    const [first] = assignments;
    if (first?.name === '') {
      const whole = first.expression.evaluate(original);
      return side.with(changed, side.schema(original) === null ? null : inferredSchema(whole, first.expression), whole);
    }
    const fields = fieldsOf(value, 'setting fields');
    // A tombstone stays one.
    if (fields === null) return changed;
    const members: Record<string, ConnectValue> = { ...fields };
    const schema = side.schema(original);
    const added: Added = {};
    for (const { name, expression } of assignments) {
      const result = expression.evaluate(original);
      members[name] = asMember(value, result);
      if (schema !== null) added[name] = { value: result, schema: inferredSchema(result, expression) };
    }
    const newSchema = schema === null ? null : this.#extended(schema, added);
    return side.with(changed, newSchema, likeOriginal(value, members, newSchema));
  }

  #extended(schema: Schema, added: Added): Schema {
    const signature = Object.entries(added)
      .map(([name, { value, schema: each }]) => `${name}:${kindOf(value, each)}`)
      .join();
    const known = this.#schemas.get(schema) ?? new Map<string, Schema>();
    this.#schemas.set(schema, known);
    let extended = known.get(signature);
    if (extended === undefined) {
      extended = withFields(schema, added);
      known.set(signature, extended);
    }
    return extended;
  }

  #withHeaders(record: ConnectRecord): readonly Header[] {
    const names = this.#headers.map(({ name }) => name);
    const kept = record.headers.filter(({ key }) => !names.includes(key));
    const added = this.#headers.map(({ name, expression }): Header => {
      const value = expression.evaluate(record);
      return { key: name, value, schema: inferredSchema(value, expression) };
    });
    return [...kept, ...added];
  }
}

function topicOf(value: ConnectValue): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new DataError(`Set: a topic must be a text that is not empty, the expression gave ${JSON.stringify(value)}.`);
}

function timestampOf(value: ConnectValue): number | null {
  if (value === null) return null;
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value);
  throw new DataError(
    `Set: a timestamp must be a time or its milliseconds, the expression gave ${JSON.stringify(value)}.`,
  );
}

function kindOf(value: ConnectValue, schema: Schema | null): string {
  return schema?.type === 'array' || schema?.type === 'struct'
    ? JSON.stringify(schema)
    : `${schema?.type} ${value === null}`;
}

/** A field that is there keeps its schema while the new value fits it; a new field is optional. */
function withFields(schema: Schema, added: Added): Schema {
  const fields = (schema.fields ?? []).map((field) => {
    const one = added[field.name];
    return one === undefined || fits(field.schema, one.value)
      ? field
      : { name: field.name, schema: optional(one.schema) };
  });
  const names = fields.map(({ name }) => name);
  const more = Object.entries(added).filter(([name]) => !names.includes(name));
  return { ...schema, fields: [...fields, ...more.map(([name, one]) => ({ name, schema: optional(one.schema) }))] };
}

function fits({ type, optional: isOptional, name }: Schema, value: ConnectValue): boolean {
  if (value === null) return isOptional === true;
  if (name !== undefined) return false;
  if (typeof value === 'number') return type.startsWith('float') || (type.startsWith('int') && Number.isInteger(value));
  return type === inferredSchema(value)?.type;
}

const place = (doc: string): ConfigKey => ({
  type: 'string',
  default: null,
  doc,
  importance: 'medium',
  validate: (text) => (text === null ? null : expressionProblem(String(text))),
});

export const setPlugin: TransformPlugin = {
  type: 'transformation',
  class: 'Set',
  version: '1.0.0',
  config: {
    value: place('A CEL expression for the whole value.'),
    'value.*': place('value.<field>: a CEL expression for a field of the value.'),
    key: place('A CEL expression for the whole key.'),
    'key.*': place('key.<field>: a CEL expression for a field of the key.'),
    'headers.*': place('headers.<name>: a CEL expression for a header.'),
    topic: place('A CEL expression for the topic.'),
    timestamp: place('A CEL expression for the timestamp, a time or milliseconds.'),
  },
  create: () => new SetByExpression(),
};
