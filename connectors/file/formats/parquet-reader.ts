/**
 * The rows of a Parquet file with a Connect schema made of its own: one row group at a time in memory. The other way round
 * of `parquet-schema.ts`.
 */
import type { FileHandle } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema, type SchemaTree } from 'hyparquet';
import { type ConnectValue, LogicalNames, type Schema, Schemas, struct } from '../../api/index.ts';

const compressors = {
  GZIP: (input: Uint8Array) => gunzipSync(input),
  ZSTD: (input: Uint8Array) => zstdDecompressSync(input),
  BROTLI: (input: Uint8Array) => brotliDecompressSync(input),
};

type Fields = Readonly<Record<string, ConnectValue>>;

export class ParquetRows {
  readonly schema: Schema;
  readonly count: number;
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #metadata: FileMetaData;
  readonly #convert: (row: Fields) => Fields;

  private constructor(handle: FileHandle, size: number, metadata: FileMetaData) {
    this.#handle = handle;
    this.#size = size;
    this.#metadata = metadata;
    const tree = parquetSchema(metadata);
    this.schema = struct(
      undefined,
      tree.children.map((child) => ({ name: child.element.name, schema: schemaOf(child) })),
    );
    this.count = Number(metadata.num_rows);
    this.#convert = (row) => toConnect(this.schema, row) as Fields;
  }

  /** Reads the footer. Throws where the file has none (it is no Parquet file, or not whole). */
  static async open(handle: FileHandle): Promise<ParquetRows> {
    const { size } = await handle.stat();
    const metadata = await parquetMetadataAsync(fileOf(handle, size));
    return new ParquetRows(handle, size, metadata);
  }

  /** The rows from `from` to the end of their row group; none behind the last. */
  async read(from: number): Promise<readonly Fields[]> {
    let first = 0;
    for (const { num_rows } of this.#metadata.row_groups) {
      const end = first + Number(num_rows);
      if (from < end) {
        const rows = await parquetReadObjects({
          file: fileOf(this.#handle, this.#size),
          metadata: this.#metadata,
          rowStart: from,
          rowEnd: end,
          compressors,
          utf8: false,
        });
        return rows.map(this.#convert);
      }
      first = end;
    }
    return [];
  }
}

function fileOf(handle: FileHandle, byteLength: number) {
  const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
    const from = start < 0 ? byteLength + start : start;
    const bytes = new ArrayBuffer(end - from);
    const view = new Uint8Array(bytes);
    let filled = 0;
    while (filled < view.length) {
      const { bytesRead } = await handle.read(view, filled, view.length - filled, from + filled);
      if (bytesRead === 0) throw new Error('it is shorter than it was');
      filled += bytesRead;
    }
    return bytes;
  };
  return { byteLength, slice };
}

function schemaOf({ element, children }: SchemaTree): Schema {
  const optional = element.repetition_type === 'OPTIONAL';
  if (element.repetition_type === 'REPEATED')
    return { type: 'array', valueSchema: shapeOf({ element, children }, false) };
  return shapeOf({ element, children }, optional);
}

function shapeOf({ element, children }: Pick<SchemaTree, 'element' | 'children'>, optional: boolean): Schema {
  const logical = element.converted_type ?? element.logical_type?.type;
  const [inner] = children;
  if (logical === 'LIST' && inner !== undefined) {
    const valueSchema = inner.children.length === 1 ? schemaOf(inner.children[0]!) : shapeOf(inner, false);
    return { type: 'array', optional, valueSchema };
  }
  if ((logical === 'MAP' || logical === 'MAP_KEY_VALUE') && inner?.children.length === 2) {
    const [key, value] = inner.children;
    return { type: 'map', optional, keySchema: schemaOf(key!), valueSchema: schemaOf(value!) };
  }
  if (children.length > 0) {
    const fields = children.map((child) => ({ name: child.element.name, schema: schemaOf(child) }));
    return struct(undefined, fields, optional);
  }
  return { ...leafOf(element, logical), optional };
}

function leafOf({ type }: SchemaTree['element'], logical: string | undefined): Schema {
  switch (logical) {
    case 'DATE':
      return { type: 'int32', name: LogicalNames.date, version: 1 };
    case 'TIMESTAMP':
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return { type: 'int64', name: LogicalNames.timestamp, version: 1 };
    case 'DECIMAL':
      // The library reads decimals as numbers; their exact text is gone by then.
      return Schemas.float64;
    case 'INT_8':
      return Schemas.int8;
    case 'INT_16':
      return Schemas.int16;
    case 'UTF8':
    case 'STRING':
    case 'ENUM':
    case 'UUID':
    case 'JSON':
      return logical === 'JSON' ? { type: 'string', name: 'json' } : Schemas.string;
  }
  switch (type) {
    case 'BOOLEAN':
      return Schemas.boolean;
    case 'INT32':
      return Schemas.int32;
    case 'INT64':
      return Schemas.int64;
    case 'INT96':
      return { type: 'int64', name: LogicalNames.timestamp, version: 1 };
    case 'FLOAT':
      return Schemas.float32;
    case 'DOUBLE':
      return Schemas.float64;
    default:
      return Schemas.bytes;
  }
}

/** What the library read, as Connect has it: safe numbers instead of bigints, JSON as its text, absent as null. */
function toConnect(schema: Schema, value: unknown): ConnectValue {
  if (value === null || value === undefined) return null;
  switch (schema.type) {
    case 'struct': {
      const out: Record<string, ConnectValue> = {};
      for (const { name, schema: member } of schema.fields!) {
        out[name] = toConnect(member, (value as Record<string, unknown>)[name]);
      }
      return out;
    }
    case 'array':
      return (value as readonly unknown[]).map((each) => toConnect(schema.valueSchema!, each));
    case 'map': {
      const entries = value instanceof Map ? [...value] : Object.entries(value);
      const members = entries.map(([key, each]) => [key, toConnect(schema.valueSchema!, each)] as const);
      return schema.keySchema?.type === 'string' ? Object.fromEntries(members) : new Map(members);
    }
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (schema.name === 'json') return typeof value === 'string' ? value : JSON.stringify(value);
  // Bytes without a type that says they are text are read as text by the library where they are UTF-8.
  if (schema.type === 'bytes' && typeof value === 'string') return Buffer.from(value);
  return value as ConnectValue;
}
