/**
 * The cutter for each format, and how its files are read. One per task: what is learnt from one file holds for all.
 */
import { CsvCutter } from '../formats/csv.ts';
import type { Cutter, SchemaOfValue } from '../formats/cutter.ts';
import { ElfCutter } from '../formats/elf.ts';
import { JsonValuesCutter } from '../formats/json-values.ts';
import { LearntSchema } from '../formats/learnt-schema.ts';
import { LearntTypes } from '../formats/learnt-types.ts';
import { byteLines, jsonLines, textLines } from '../formats/lines.ts';
import { wholeFile } from '../formats/whole-file.ts';
import type { ColumnType, CsvSettings, FileSourceSettings } from '../source-config.ts';
import type { ReadOptions } from './tracked-file.ts';

/** What a schema that is given for JSON as well says of columns. */
const columnTypes: Readonly<Record<string, ColumnType>> = { int64: 'int', float64: 'double', boolean: 'boolean' };

export class Cutters {
  readonly options: ReadOptions;
  readonly #settings: FileSourceSettings;
  readonly #csv: CsvSettings;
  readonly #schemaOf: SchemaOfValue | null;
  readonly #types: LearntTypes | null;

  constructor(settings: FileSourceSettings) {
    const { format, asBytes, schema, infersSchema } = settings;
    this.#settings = settings;
    this.#csv =
      schema === null || settings.csv.schema !== null ? settings.csv : withTypes(settings.csv, schema.fields!);
    const learnt = new LearntSchema();
    this.#schemaOf = schema !== null ? () => schema : infersSchema ? (value) => learnt.of(value) : null;
    this.#types = infersSchema ? new LearntTypes() : null;
    const isJson = format === 'json' || format === 'jsonl';
    this.options = {
      encoding: settings.encoding,
      needsUtf8: isJson,
      hasLines: format !== 'json' && format !== 'whole',
      isOnce: settings.isOnce,
      unpacks: settings.unpacks,
      maxRecordBytes: settings.maxRecordBytes,
      keepsBuffers: isJson || (format === 'lines' && asBytes),
    };
  }

  /** For one file. */
  cutter(): Cutter {
    switch (this.#settings.format) {
      case 'csv':
        return new CsvCutter(this.#csv, this.#types);
      case 'jsonl':
        return jsonLines(this.#schemaOf);
      case 'json':
        return new JsonValuesCutter(this.#schemaOf);
      case 'elf':
        return new ElfCutter();
      case 'whole':
        return wholeFile(this.#settings.asBytes);
      default:
        return this.#settings.asBytes ? byteLines : textLines;
    }
  }
}

/** What `csv.types` says goes before what the schema says. */
function withTypes(
  csv: CsvSettings,
  fields: readonly { readonly name: string; readonly schema: { readonly type: string } }[],
): CsvSettings {
  const types = new Map(fields.map(({ name, schema }) => [name, columnTypes[schema.type] ?? 'string'] as const));
  return { ...csv, types: new Map([...types, ...csv.types]) };
}
