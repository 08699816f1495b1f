/**
 * FieldNameTransformation (Debezium's JDBC sink): the fields of key and value get another style of name, a prefix, a suffix. Of a
 * change event those of the rows before and after; never those inside a field. Step 2.
 *
 * Beyond Debezium's, records without a schema and the keys of tombstones are renamed too, so that a delete finds its row.
 */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  type Field,
  type Fields,
  isFields,
  JsonText,
  plainValue,
  type RecordValue,
  type Schema,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';
import { namingKeys, renamer } from './naming-style.ts';
import { isParsedAnyway, ObjectText } from './object-text.ts';
import { keySide, likeOriginal, perSchema, type Side, valueSide } from './side.ts';

const ROWS = ['before', 'after'];
const OP = Buffer.from('op');

class FieldNameTransformation implements Transform {
  #rename: (name: string) => string = (name) => name;
  readonly #rowSchema = perSchema((schema) => this.#renamedSchema(schema));
  readonly #valueSchema = perSchema((schema) =>
    isEnvelope(schema) ? this.#envelopeSchema(schema) : this.#rowSchema(schema),
  );

  configure(config: Config): void {
    this.#rename = renamer(config, 'column');
  }

  apply<R extends ConnectRecord>(record: R): R {
    return this.#applySide(valueSide, this.#applySide(keySide, record));
  }

  #applySide<R extends ConnectRecord>(side: Side, record: R): R {
    const value = side.value(record);
    const schema = side.schema(record);
    if (value === null || (schema !== null && schema.type !== 'struct')) return record;
    const mayBeEnvelope = side === valueSide && (schema === null || isEnvelope(schema));
    const renamed = isParsedAnyway(record) ? null : this.#inText(value, schema, mayBeEnvelope);
    const newSchema = schema === null ? null : side === valueSide ? this.#valueSchema(schema) : this.#rowSchema(schema);
    if (renamed !== null) return side.with(record, newSchema, renamed);
    const fields = plainValue(value);
    if (!isFields(fields)) return record;
    const changed = this.#inFields(fields, schema, mayBeEnvelope);
    return side.with(record, newSchema, likeOriginal(value, side.own(record, changed), newSchema));
  }

  /** Null where the value has to be parsed. */
  #inText(value: RecordValue, schema: Schema | null, mayBeEnvelope: boolean): JsonText | null {
    const object = ObjectText.of(value);
    if (object === null) return null;
    const isChange = mayBeEnvelope && (schema !== null || (object.value(OP) !== null && hasRow(object)));
    const text = isChange ? this.#envelopeText(object) : this.#rowText(object, schema);
    return text === null ? null : new JsonText(text);
  }

  #rowText(object: ObjectText, schema: Schema | null): Buffer | null {
    const names: string[] = [];
    for (let member = 0; member < object.count; member++) names.push(this.#rename(object.name(member)));
    if (schema === null) checkDifferent(names);
    return object.rewritten(names.map((name) => Buffer.from(JSON.stringify(name))));
  }

  /** The envelope with other rows; null where one of them is not plainly an object. */
  #envelopeText(envelope: ObjectText): Buffer | null {
    const values: (Buffer | undefined)[] = [];
    for (let member = 0; member < envelope.count; member++) {
      const text = ROWS.includes(envelope.name(member)) ? envelope.valueAt(member) : null;
      if (text === null || text[0] === NULL[0]) values.push(undefined);
      else {
        const row = ObjectText.in(text);
        const renamed = row === null ? null : this.#rowText(row, null);
        if (renamed === null) return null;
        values.push(renamed);
      }
    }
    return envelope.withValues(values);
  }

  #inFields(fields: Fields, schema: Schema | null, mayBeEnvelope: boolean): Fields {
    const isChange = mayBeEnvelope && (schema !== null || ('op' in fields && ROWS.some((name) => name in fields)));
    if (!isChange) return this.#renamedFields(fields);
    const rows = ROWS.flatMap((name): [string, ConnectValue][] => {
      const row = fields[name] ?? null;
      return isFields(row) ? [[name, this.#renamedFields(row)]] : [];
    });
    return { ...fields, ...Object.fromEntries(rows) };
  }

  #renamedFields(fields: Fields): Fields {
    const names = Object.keys(fields).map(this.#rename);
    checkDifferent(names);
    return Object.fromEntries(Object.values(fields).map((value, index) => [names[index]!, value]));
  }

  #envelopeSchema(schema: Schema): Schema {
    const fields = schema.fields!.map((field): Field => {
      return ROWS.includes(field.name) ? { ...field, schema: this.#rowSchema(field.schema) } : field;
    });
    return { ...schema, fields };
  }

  #renamedSchema(schema: Schema): Schema {
    const fields = (schema.fields ?? []).map((field): Field => ({ ...field, name: this.#rename(field.name) }));
    checkDifferent(fields.map(({ name }) => name));
    return { ...schema, fields };
  }
}

const NULL = Buffer.from('null');

function isEnvelope({ name }: Schema): boolean {
  return name?.endsWith('.Envelope') === true;
}

function hasRow(object: ObjectText): boolean {
  return ROWS.some((name) => object.value(Buffer.from(name)) !== null);
}

function checkDifferent(names: readonly string[]): void {
  if (new Set(names).size === names.length) return;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  throw new DataError(
    `FieldNameTransformation makes "${twice}" of two fields of one record. Choose another column.naming.style.`,
  );
}

export const fieldNameTransformationPlugin: TransformPlugin = {
  type: 'transformation',
  class: 'FieldNameTransformation',
  aliases: ['io.debezium.connector.jdbc.transforms.FieldNameTransformation'],
  version: '1.0.0',
  config: namingKeys('column', 'field'),
  takesDrafts: true,
  leavesText: true,
  create: () => new FieldNameTransformation(),
};
