/**
 * Vectors of the extension pgvector, in the forms of Debezium: lists of numbers, and a struct for sparse ones.
 */
import { type Schema, struct } from '../../api/index.ts';
import { type ColumnMapping, javaDouble, type TypeModes, writeConverted } from './mapping.ts';

const listOf = (type: 'float32' | 'float64', name: string): Schema => {
  return { type: 'array', valueSchema: { type }, name: `io.debezium.data.${name}`, version: 1 };
};

const sparseSchema: Schema = {
  ...struct('io.debezium.data.SparseDoubleVector', [
    { name: 'dimensions', schema: { type: 'int16' } },
    { name: 'vector', schema: { type: 'map', keySchema: { type: 'int16' }, valueSchema: { type: 'float64' } } },
  ]),
  version: 1,
  doc: 'Sparse double vector',
};

/** The mapping of a vector's type, or null for any other type. */
export function vectorMapping(name: string, { isCompatible }: TypeModes): ColumnMapping | null {
  const number = isCompatible ? javaDouble : (text: string) => text;
  const list = (text: string) => `[${itemsOf(text).map(number).join(',')}]`;
  switch (name) {
    case 'vector':
      return { schema: listOf('float64', 'DoubleVector'), write: writeConverted(list), zero: '[]' };
    case 'halfvec':
      return { schema: listOf('float32', 'FloatVector'), write: writeConverted(list), zero: '[]' };
    case 'sparsevec':
      return {
        schema: sparseSchema,
        write: writeConverted((text) => sparseJson(text, number)),
        zero: '{"dimensions":0,"vector":[]}',
      };
    default:
      return null;
  }
}

/** `[1,2.5]` */
function itemsOf(text: string): string[] {
  const inner = text.slice(1, -1).trim();
  return inner === '' ? [] : inner.split(',').map((item) => item.trim());
}

/** `{1:201,9:209.5}/1000`; Connect writes a map whose keys are no text as pairs. */
function sparseJson(text: string, number: (text: string) => string): string {
  const end = text.lastIndexOf('/');
  const pairs = itemsOf(text.slice(0, end)).map((item) => {
    const [index, value] = item.split(':');
    return `[${index},${number(value!)}]`;
  });
  return `{"dimensions":${text.slice(end + 1)},"vector":[${pairs.join(',')}]}`;
}
