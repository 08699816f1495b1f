/**
 * The object that a record's value is, before anybody asks which row is in it: itself, the `data` of a CloudEvent, or a text
 * under the name of its column; and what its schema is, with the fields that the config calls instants. No I/O.
 */
import { DataError, type Field, JsonText, type Schema, type SinkRecord, struct } from '../../api/index.ts';
import { sliceText } from './json-slices.ts';
import { oncePer } from './once-per.ts';
import type { SinkSettings } from './sink-config.ts';
import { ofOneField } from './sink-key.ts';
import { fieldOf, membersOf, objectText, place } from './sink-row.ts';
import { COUNTED_INSTANTS } from './target-column.ts';

export interface ValueText {
  readonly text: string;
  readonly schema: Schema | null;
}

/** What a record's value that is not null says. Throws DataError where it is no object and no column takes it as it is. */
export function valueText(record: SinkRecord, settings: SinkSettings): ValueText {
  const { valueSchema } = record;
  const text = settings.textColumn === null ? null : plainText(record);
  if (text !== null) return columnOf(text, settings.textColumn!, record, settings);
  const whole = objectText(record.value, 'value', record);
  const schema = isCloudEvent(valueSchema, settings) ? (fieldOf(valueSchema, 'data') ?? null) : valueSchema;
  const own = schema === valueSchema ? whole : dataOf(whole, record);
  if (settings.instantFields.length === 0) return { text: own, schema };
  return { text: own, schema: schema === null ? instantsAlone(settings) : instantsOf(settings)(schema) };
}

/** A value that is a text, as JSON; null where it is something else. */
function plainText({ value }: SinkRecord): string | null {
  if (typeof value === 'string') return JSON.stringify(value);
  return value instanceof JsonText && value.bytes[0] === QUOTE ? sliceText(value.bytes) : null;
}

const QUOTE = 0x22;
/** Optional as in Confluent's, whatever the value's own schema says. */
const TEXT: Schema = { type: 'string', optional: true };

function columnOf(text: string, column: string, record: SinkRecord, settings: SinkSettings): ValueText {
  if (settings.fields.length > 0 || settings.instantFields.length > 0) {
    throw new DataError(
      `The value of ${place(record)} is a text, which has no fields for fields.whitelist or timestamp.fields.list to choose from. Take these keys away.`,
    );
  }
  const schema = ofOneField(column, TEXT);
  return { text: `{${JSON.stringify(column)}:${text}}`, schema };
}

function isCloudEvent(schema: Schema | null, settings: SinkSettings): boolean {
  return schema !== null && settings.cloudEvents !== null && cloudEventsOf(settings)(schema);
}

const cloudEventsOf = oncePer(({ cloudEvents }: SinkSettings) =>
  oncePer(({ name }: Schema) => name !== undefined && cloudEvents!.test(name)),
);

function dataOf(text: string, record: SinkRecord): string {
  const data = membersOf(text, 'value', record).get('data') ?? 'null';
  if (data.startsWith('{')) return data;
  throw new DataError(`${place(record)} is a CloudEvent whose "data" is no object with fields.`);
}

/** The schema with the config's instants as such. */
const instantsOf = oncePer(({ instantFields, instantUnit }: SinkSettings) =>
  oncePer((schema: Schema): Schema => {
    const fields = schema.fields?.map((field): Field => {
      const { type, optional = false } = field.schema;
      const isCounted = instantFields.includes(field.name) && (type === 'int64' || type === 'string');
      return isCounted ? { ...field, schema: { type: 'int64', name: COUNTED_INSTANTS[instantUnit], optional } } : field;
    });
    return fields === undefined ? schema : { ...schema, fields };
  }),
);

/** For a value without a schema: the fields that the config knows. */
const instantsAlone = oncePer(({ instantFields, instantUnit }: SinkSettings) => {
  const schema: Schema = { type: 'int64', name: COUNTED_INSTANTS[instantUnit], optional: true };
  return struct(
    undefined,
    instantFields.map((name) => ({ name, schema })),
  );
});
