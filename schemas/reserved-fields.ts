/**
 * What `validateFields` asks of a schema: no field whose name begins with `$$`, none that its metadata reserves
 * (`confluent:reserved`, names between commas), and no reserved name given up. Pure.
 */
import { errors } from './errors.ts';
import type { SchemaContent } from './model.ts';
import { isObject, type JsonValue } from './parse/json-text.ts';

const RESERVED = 'confluent:reserved';

/** What is wrong, in Confluent's words where it has some; empty when nothing is. */
export function fieldProblems(content: SchemaContent, previous: SchemaContent | undefined): string[] {
  const fields = topLevelFields(content);
  const reserved = reservedBy(content);
  const givenUp = previous === undefined ? [] : reservedBy(previous).filter((name) => !reserved.includes(name));
  return [
    ...givenUp.map(
      (name) =>
        `The new schema has reserved field ${name} removed from its metadata which is present in the old schema's metadata.`,
    ),
    ...reserved
      .filter((name) => fields.includes(name))
      .map((name) => `The new schema has field that conflicts with the reserved field ${name}.`),
  ];
}

/** Throws 42201 for a field of a JSON Schema whose name is Confluent's own to give. */
export function assertFieldNames(content: SchemaContent): void {
  const bad = content.schemaType === 'JSON' ? topLevelFields(content).find((name) => name.startsWith('$$')) : undefined;
  if (bad !== undefined) {
    throw errors.invalidSchema(`Invalid schema: the field at #/properties/${bad} begins with $$, which no field may.`);
  }
}

function reservedBy({ metadata }: SchemaContent): string[] {
  const names = metadata?.properties?.[RESERVED] ?? '';
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function topLevelFields({ schemaType, schema }: SchemaContent): string[] {
  const root = JSON.parse(schema) as JsonValue;
  if (!isObject(root)) return [];
  if (schemaType === 'JSON') return isObject(root.properties) ? Object.keys(root.properties) : [];
  if (!Array.isArray(root.fields)) return [];
  return root.fields.flatMap((field) => (isObject(field) && typeof field.name === 'string' ? [field.name] : []));
}
