/**
 * Kafka's spooldir connectors: the file source with their keys, and what their records have beside the value: keys of
 * fields, times, headers about the file.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, relative } from 'node:path';
import {
  type Config,
  type ConnectValue,
  DataError,
  type Header,
  isFields,
  LogicalNames,
  plainValue,
  type Schema,
  Schemas,
  type SourceRecord,
  type SourceTaskContext,
  struct,
} from '../../api/index.ts';
import { badPiece } from '../errors.ts';
import type { FileOffset } from '../source/offset.ts';
import { FileSource, FileSourceTask } from '../source/source.ts';
import type { SpoolDirKind } from './keys.ts';
import { type SpoolDirExtras, spoolDirExtras, spoolDirSettings } from './settings.ts';

const timestamp: Schema = { type: 'int64', name: LogicalNames.timestamp, version: 1 };
/** Schemas of keys that are remembered: more of values there are not. */
const keySchemasMax = 1_000;

export class SpoolDirSource extends FileSource {
  readonly #kind: SpoolDirKind;

  constructor(kind: SpoolDirKind) {
    super((config) => {
      spoolDirExtras(kind, config);
      return spoolDirSettings(kind, config);
    });
    this.#kind = kind;
  }

  override createTask(): FileSourceTask {
    return new SpoolDirTask(this.#kind);
  }
}

/** What is the same for all records of a file. */
interface FileFacts {
  readonly path: string;
  readonly mtimeMs: number;
  readonly headers: readonly Header[];
}

class SpoolDirTask extends FileSourceTask {
  readonly #kind: SpoolDirKind;
  #context!: SourceTaskContext;
  #extras!: SpoolDirExtras;
  #facts: FileFacts | null = null;
  readonly #keySchemas = new Map<Schema, Schema>();

  constructor(kind: SpoolDirKind) {
    super((config) => spoolDirSettings(kind, config));
    this.#kind = kind;
  }

  override start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#extras = spoolDirExtras(this.#kind, config);
    this.#context = this.#extras.haltsOnError ? context : tolerant(context);
    return super.start(this.#context, config);
  }

  override async poll(): Promise<readonly SourceRecord[]> {
    const records = await super.poll();
    const complete: SourceRecord[] = [];
    for (const record of records) {
      try {
        complete.push(await this.#complete(record));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        await this.#context.reportBadInput({ error, source: record.sourcePartition, bytes: null });
      }
    }
    return complete;
  }

  async #complete(record: SourceRecord): Promise<SourceRecord> {
    const offset = record.sourceOffset as unknown as FileOffset;
    if (this.#facts?.path !== offset.file.path) this.#facts = await this.#factsOf(offset.file.path);
    const { mtimeMs, headers } = this.#facts;
    const { keyFields, hasHeaders } = this.#extras;
    const value = keyFields.length > 0 || this.#extras.timestamp === 'FIELD' ? plainValue(record.value) : null;
    const key = keyFields.length === 0 ? null : this.#keyOf(record, value);
    return {
      ...record,
      ...(key === null ? {} : key),
      timestamp: this.#timeOf(record, value, mtimeMs),
      headers: hasHeaders ? [...headers, { key: 'file.offset', value: offset.record, schema: Schemas.int64 }] : [],
    };
  }

  #keyOf({ valueSchema }: SourceRecord, value: ConnectValue): { keySchema: Schema | null; key: ConnectValue } {
    const { keyFields } = this.#extras;
    const fields = isFields(value) ? value : {};
    const key = Object.fromEntries(keyFields.map((name) => [name, fields[name] ?? null]));
    return { keySchema: valueSchema === null ? null : this.#keySchemaOf(valueSchema), key };
  }

  #keySchemaOf(valueSchema: Schema): Schema {
    let schema = this.#keySchemas.get(valueSchema);
    if (schema === undefined) {
      const { keyFields, keyName } = this.#extras;
      const members = keyFields.map((name) => ({
        name,
        schema: valueSchema.fields?.find((field) => field.name === name)?.schema ?? Schemas.optionalString,
      }));
      schema = struct(keyName, members);
      if (this.#keySchemas.size >= keySchemasMax) this.#keySchemas.clear();
      this.#keySchemas.set(valueSchema, schema);
    }
    return schema;
  }

  #timeOf(record: SourceRecord, value: ConnectValue, mtimeMs: number): number {
    const { timestamp: mode, timestampField } = this.#extras;
    if (mode === 'PROCESS_TIME') return Date.now();
    if (mode === 'FILE_TIME') return mtimeMs;
    const given = isFields(value) ? value[timestampField!] : null;
    const ms = typeof given === 'string' ? Date.parse(given) : given instanceof Date ? given.getTime() : Number(given);
    if (given !== null && given !== undefined && Number.isFinite(ms)) return ms;
    const { file, position } = record.sourceOffset as unknown as FileOffset;
    throw badPiece(file.path, position, position, `follow a record without a time in "${timestampField}"`);
  }

  async #factsOf(path: string): Promise<FileFacts> {
    const found = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
    const mtimeMs = Math.floor(found.mtimeMs);
    const name = basename(path);
    const text = (key: string, value: string): Header => ({ key, value, schema: Schemas.string });
    const headers = [
      text('file.path', path),
      text('file.name', name),
      text('file.name.without.extension', name.slice(0, name.length - extname(name).length)),
      text('file.parent.dir.name', basename(dirname(path))),
      text('file.relative.path', relative(this.#extras.inputPath, path)),
      { key: 'file.length', value: found.size, schema: Schemas.int64 },
      { key: 'file.last.modified', value: new Date(mtimeMs), schema: timestamp },
    ];
    return { path, mtimeMs, headers };
  }
}

/** With halt.on.error=false bad input is named in the log, and that is all. */
function tolerant(context: SourceTaskContext): SourceTaskContext {
  return {
    ...context,
    reportBadInput: async ({ error }) => context.logger.error({ err: error }, error.message),
  };
}
