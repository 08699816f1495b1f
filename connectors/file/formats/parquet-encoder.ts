/**
 * Parquet files. Columns come from the configured JSON Schema, else from the record's schema, else from the values: then
 * the first row group decides, and rows that do not fit go to a file of their own. Rows are held until there are enough
 * of them for a row group.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { CompressionCodec, SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { type ConnectValue, JsonText, type RecordValue, type Schema, type SinkRecord } from '../../api/index.ts';
import { badValue } from '../errors.ts';
import { fieldsOf } from './csv-encoder.ts';
import type { FileEncoder, FileFormat } from './encoder.ts';
import { anyJson, fits, merged, schemaOfValue } from './inferred-schema.ts';
import { type Convert, converterOf, elementsOf } from './parquet-schema.ts';

export interface ParquetOutput {
  readonly codec: CompressionCodec;
  /** Columns for every record, or null. */
  readonly schema: Schema | null;
  /** A row group is written when its values take about this much memory. */
  readonly rowGroupBytes: number;
}

const compressors = {
  GZIP: (input: Uint8Array) => gzipSync(input),
  ZSTD: (input: Uint8Array) => zstdCompressSync(input),
};

/** Rows of one or more files: what their columns are, known or still to be learnt. */
class Columns {
  schema: Schema;
  /** Once a row group is written the columns stay as they are. */
  isFixed: boolean;
  #convert: Convert | null = null;

  constructor(schema: Schema, isFixed: boolean) {
    this.schema = schema;
    this.isFixed = isFixed;
  }

  /** What the library writes for a value; throws DataError when it does not fit. */
  convert(value: ConnectValue): Record<string, unknown> {
    this.#convert ??= converterOf(this.schema);
    return this.#convert(value, '') as Record<string, unknown>;
  }

  learn(schema: Schema): void {
    this.schema = schema;
    this.#convert = null;
  }
}

export function parquetFormat(output: ParquetOutput): FileFormat {
  const known = new WeakMap<Schema, { readonly layout: string; readonly columns: Columns }>();
  const inferred = new InferredColumns();
  const given = output.schema === null ? null : new Columns(output.schema, true);
  const ofSchema = (schema: Schema): { readonly layout: string; readonly columns: Columns } => {
    let found = known.get(schema);
    if (found === undefined) {
      if (schema.fields!.length === 0) throw badValue('has no fields, and a Parquet file needs a column');
      found = { layout: JSON.stringify(schema), columns: new Columns(schema, true) };
      known.set(schema, found);
    }
    return found;
  };
  const hasSchema = (record: SinkRecord): boolean => record.valueSchema?.type === 'struct';
  return {
    extension: 'parquet',
    layoutOf:
      given !== null
        ? null
        : (record) => (hasSchema(record) ? ofSchema(record.valueSchema!).layout : inferred.layoutOf(record)),
    begin: (first) => {
      const columns = given ?? (hasSchema(first) ? ofSchema(first.valueSchema!).columns : inferred.columns);
      return new ParquetEncoder(columns, output);
    },
  };
}

/** Columns of records without a schema. They grow until a row group is written, then the next ones begin. */
class InferredColumns {
  columns = new Columns({ type: 'struct', fields: [] }, false);
  #version = 0;

  layoutOf(record: SinkRecord): string {
    const value = fieldsOf(record);
    if (!fits(this.columns.schema, value)) {
      const schema = merged(this.columns.schema, schemaOfValue(value, anyJson)!, anyJson)!;
      if (JSON.stringify(schema) !== JSON.stringify(this.columns.schema)) this.#widen(schema);
    }
    if (this.columns.schema.fields!.length === 0) throw badValue('has no fields, and a Parquet file needs a column');
    return `inferred ${this.#version}`;
  }

  #widen(schema: Schema): void {
    const required = { ...schema, optional: false };
    if (!this.columns.isFixed) {
      this.columns.learn(required);
      return;
    }
    this.#version++;
    this.columns = new Columns(required, false);
  }
}

class ParquetEncoder implements FileEncoder {
  readonly #columns: Columns;
  readonly #output: ParquetOutput;
  readonly #bytes = new ByteWriter();
  #writer: ParquetWriter | null = null;
  #rows: ConnectValue[] = [];
  #heldBytes = 0;
  #ready: Uint8Array[] = [];

  constructor(columns: Columns, output: ParquetOutput) {
    this.#columns = columns;
    this.#output = output;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  encode(records: readonly SinkRecord[]): readonly Row[] {
    return records.map((record) => {
      const value = fieldsOf(record);
      // Tried now, so that a value that does not fit fails alone; written with the others of its row group.
      if (this.#columns.isFixed) this.#columns.convert(value);
      return { value, bytes: sizeOf(record.value) };
    });
  }

  accept(rows: readonly Row[]): void {
    for (const { value, bytes } of rows) {
      this.#rows.push(value);
      this.#heldBytes += bytes;
    }
    if (this.#heldBytes >= this.#output.rowGroupBytes) this.release(false);
  }

  take(): Uint8Array[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }

  release(end: boolean): void {
    if (this.#rows.length > 0) this.#writeRowGroup();
    if (end) this.#writer?.finish();
    this.#move();
  }

  #writeRowGroup(): void {
    const columns = this.#columns;
    columns.isFixed = true;
    this.#writer ??= new ParquetWriter({
      writer: this.#bytes,
      schema: schemaElements(columns.schema),
      codec: this.#output.codec,
      compressors,
      createdBy: 'millrace',
    });
    const rows = this.#rows.map((row) => columns.convert(row));
    const columnData = columns.schema.fields!.map(({ name }) => ({ name, data: rows.map((row) => row[name]) }));
    this.#writer.write({ columnData, rowGroupSize: rows.length });
    this.#rows = [];
    this.#heldBytes = 0;
  }

  /** Takes the bytes out of the library's buffer, which counts on. */
  #move(): void {
    if (this.#bytes.index === 0) return;
    this.#ready.push(this.#bytes.getBytes().slice());
    this.#bytes.index = 0;
  }
}

interface Row {
  readonly value: ConnectValue;
  readonly bytes: number;
}

function schemaElements(schema: Schema): SchemaElement[] {
  const fields = schema.fields ?? [];
  const columns = fields.flatMap(({ name, schema }) => elementsOf(name, schema));
  return [{ name: 'root', num_children: fields.length }, ...columns];
}

/** About how much memory a value takes. */
function sizeOf(value: RecordValue): number {
  if (value instanceof JsonText) return value.bytes.length;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof Uint8Array) return value.length;
  let bytes = 8;
  for (const member of value instanceof Map ? value.values() : Object.values(value)) bytes += sizeOf(member);
  return bytes;
}
