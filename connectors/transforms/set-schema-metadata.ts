/** SetSchemaMetadata: gives the schema another name and version; the values stay as they are. */
import { type Config, ConfigError, type ConnectRecord, DataError, type Schema, type Transform } from '../api/index.ts';
import { onBothSides, perSchema, replaceNullWithDefault, type Side } from './side.ts';

class SetSchemaMetadata implements Transform {
  readonly #side: Side;
  #name: string | null = null;
  #version: number | null = null;
  readonly #schemaOf = perSchema(
    (schema): Schema => ({
      ...schema,
      ...(this.#name === null ? {} : { name: this.#name }),
      ...(this.#version === null ? {} : { version: this.#version }),
    }),
  );

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#name = config.optionalString('schema.name');
    this.#version = config.optionalNumber('schema.version');
    if (this.#name === null && this.#version === null) {
      throw new ConfigError('SetSchemaMetadata needs schema.name or schema.version.');
    }
  }

  apply<R extends ConnectRecord>(record: R): R {
    const schema = this.#side.schema(record);
    const value = this.#side.value(record);
    if (schema === null && value === null) return record;
    if (schema === null) throw new DataError('SetSchemaMetadata needs a record with a schema.');
    return this.#side.with(record, this.#schemaOf(schema), value);
  }
}

export const setSchemaMetadataPlugins = onBothSides(
  'SetSchemaMetadata',
  {
    'schema.name': { type: 'string', default: null, doc: 'The new name.', importance: 'high' },
    'schema.version': { type: 'int', default: null, doc: 'The new version.', importance: 'high' },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new SetSchemaMetadata(side),
  { leavesText: true },
);
