/**
 * The captured tables: from a relation message and the catalogue to an encoder, once per shape.
 */
import type { SourceOffset } from '../../../api/index.ts';
import { mapColumn } from '../../types/column-mapping.ts';
import type { ColumnMapping, PgType } from '../../types/mapping.ts';
import type { WireConnection } from '../../wire/connection.ts';
import { adjustName } from '../config/name-adjustment.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { type CatalogColumn, type CatalogTable, nameOf, type QualifiedName, readTables, readTypes } from './catalog.ts';
import { withDefault } from './column-defaults.ts';
import { ToastColumns } from './kept-row.ts';
import type { RelationColumn, RelationMessage } from './pgoutput.ts';
import { PARKED_SUFFIX, type SchemaGate } from './schema-policy.ts';
import { characterType, sourceTypeName, withSourceType } from './source-type.ts';
import { TableEncoder } from './table-encoder.ts';

export class Tables {
  readonly #settings: SourceSettings;
  readonly #encoders = new Map<number, TableEncoder | null>();
  readonly #types = new Map<number, PgType>();
  /** What each encoder was made from. */
  readonly #shapes = new Map<number, Shape>();
  readonly #gate: SchemaGate | null;
  /** Encoders that the stream does not know of: the last one of each table. */
  readonly #aside = new Map<number, { readonly text: string; readonly encoder: TableEncoder }>();

  /** Without a gate nobody is asked about schemas. */
  constructor(settings: SourceSettings, gate: SchemaGate | null = null) {
    this.#settings = settings;
    this.#gate = gate;
  }

  /** Encoders of their own behind the same gate: for a reader who sees tables at another moment than the stream does. */
  fork(): Tables {
    return new Tables(this.#settings, this.#gate);
  }

  /** The last description of a relation that was taken; null where it is not captured. */
  relation(oid: number): RelationMessage | null {
    return this.#shapes.get(oid)?.relation ?? null;
  }

  /** What the offsets have to say about tables. */
  get offset(): SourceOffset | null {
    return this.#gate?.offset ?? null;
  }

  /** The encoder of a relation: null where the filters leave the table out, undefined before its message was taken. */
  get(oid: number): TableEncoder | null | undefined {
    return this.#encoders.get(oid);
  }

  /**
   * Takes a relation message. The message tells columns and types as they were when the rows were written; keys and
   * nullability are the catalogue's of now, by column name.
   */
  async take(relation: RelationMessage, connection: WireConnection): Promise<void> {
    if (!this.#settings.filters.table(relation.schema, relation.name)) {
      this.#encoders.set(relation.oid, null);
      return;
    }
    const shape = await this.#shapeOf(relation, connection);
    if (this.#shapes.get(relation.oid)?.text !== shape.text) await this.#admit(shape);
  }

  /**
   * An encoder for rows that somebody read beside the stream, as the catalogue has them now. The stream may be behind, with
   * rows of an earlier shape, and goes on as its own messages say.
   */
  async describe(relation: RelationMessage, connection: WireConnection): Promise<TableEncoder> {
    const shape = await this.#shapeOf(relation, connection);
    const { text, catalog } = shape;
    const { oid } = relation;
    const current = this.#encoders.get(oid);
    if (current != null && this.#shapes.get(oid)?.text === text) return current;
    const before = this.#aside.get(oid);
    const suffix = this.#gate?.isParked(nameOf(relation)) ? PARKED_SUFFIX : '';
    if (before?.text === text + suffix) return before.encoder;
    const encoder = await this.#admitted(relation, catalog);
    this.#aside.set(oid, { text: text + suffix, encoder });
    return encoder;
  }

  async #shapeOf(relation: RelationMessage, connection: WireConnection): Promise<Shape> {
    const [catalog] = await readTables(connection, [relation.oid]);
    const oids = relation.columns.map((column) => column.typeOid);
    // A type may have changed behind its oid (a new enum label), and relation messages are rare.
    for (const oid of oids) if (this.#types.get(oid)?.kind !== 'b') this.#types.delete(oid);
    await readTypes(connection, oids, this.#types);
    const text = JSON.stringify([relation, catalog, oids.map((oid) => this.#types.get(oid))]);
    return { text, relation, catalog };
  }

  /** Asks again about tables that are parked. */
  async reconsider(): Promise<void> {
    const parked = [...this.#shapes.values()].filter(({ relation }) => this.#gate?.isParked(nameOf(relation)));
    for (const shape of parked) await this.#admit(shape);
  }

  /** Parked before a restart, and not described by the stream since: only the catalogue knows their shape. */
  get unseenParked(): string[] {
    const seen = new Set([...this.#shapes.values()].map(({ relation }) => nameOf(relation)));
    return (this.#gate?.parked ?? []).filter((table) => !seen.has(table));
  }

  /** Tables that were parked and may flow since the last call: their rows are to be read again. */
  released(): string[] {
    return this.#gate?.released() ?? [];
  }

  async #admit(shape: Shape): Promise<void> {
    const { relation, catalog } = shape;
    this.#encoders.set(relation.oid, await this.#admitted(relation, catalog));
    this.#shapes.set(relation.oid, shape);
  }

  async #admitted(relation: RelationMessage, catalog: CatalogTable | undefined): Promise<TableEncoder> {
    const encoder = this.#encoder(relation, catalog, '');
    const isAllowed = this.#gate === null || (await this.#gate.allows(encoder));
    return isAllowed ? encoder : this.#encoder(relation, catalog, PARKED_SUFFIX);
  }

  #encoder(relation: RelationMessage, catalog: CatalogTable | undefined, suffix: string): TableEncoder {
    const { filters, prefix, database, naming } = this.#settings;
    const { schema, name } = relation;
    const described = new Map(catalog?.columns.map((column) => [column.name, column]));
    const tombstoneTopic = topicOf(this.#settings, relation);
    const topic = tombstoneTopic + suffix;
    return new TableEncoder({
      prefix,
      topic,
      tombstoneTopic,
      fullName: adjustName(tombstoneTopic, naming.schemaNames, true),
      database: database.database,
      schema,
      name,
      key: filters.keyColumns(schema, name) ?? keyOf(relation, catalog, this.#settings.types.isCompatible),
      columns: relation.columns.map((column) => ({
        name: column.name,
        field: adjustName(column.name, naming.fieldNames, false),
        ...this.#mappings(`${schema}.${name}.${column.name}`, column, described.get(column.name)),
        typeOid: column.typeOid,
        modifier: column.modifier,
        isNullable: described.get(column.name)?.isNullable ?? !column.isKey,
        isIdentity: column.isKey,
        isIncluded: filters.column(schema, name, column.name),
      })),
      toast: this.#settings.unsentLookup === 'log' ? this.#toast(relation, catalog) : null,
    });
  }

  /** What of its rows is kept in the log; null where nothing is: full identity sends all values, no identity finds no row. */
  #toast(relation: RelationMessage, catalog: CatalogTable | undefined): ToastColumns | null {
    const { schema, name, columns } = relation;
    if (catalog === undefined || relation.replicaIdentity === 'f') return null;
    const { filters, mask } = this.#settings;
    const varying = new Set(catalog.columns.filter(({ isVarying }) => isVarying).map((column) => column.name));
    // What is masked or left out is not to leave the database in the clear.
    const isOpen = (column: string) =>
      filters.column(schema, name, column) && mask(`${schema}.${name}.${column}`) === null;
    const wanted = columns.flatMap((column, index) => {
      const isDense = DENSE_TYPES.has(this.#types.get(column.typeOid)?.name ?? '');
      return varying.has(column.name) && isOpen(column.name) ? [{ ...column, index, isDense }] : [];
    });
    const identity = columns.flatMap(({ isKey }, index) => (isKey ? [index] : []));
    if (wanted.length === 0 || identity.length === 0) return null;
    if (!identity.every((index) => isOpen(columns[index]!.name))) return null;
    // Columns that are not sent fill rows too.
    const inlineBytesMax = catalog.inlineBytesMax / (catalog.columns.length > columns.length ? UNSENT_SHARE : 1);
    return new ToastColumns({
      oid: relation.oid,
      columns: wanted,
      identity,
      inlineBytesMax,
      columnCount: columns.length,
    });
  }

  /** The column's type with its default; in values also with what the settings say about this very column. */
  #mappings(fullName: string, column: RelationColumn, described: CatalogColumn | undefined): ColumnMappings {
    const { types, naming, mask } = this.#settings;
    const { name, typeOid, modifier } = column;
    const type = this.#types.get(typeOid) ?? { oid: typeOid, name: 'unknown', kind: 'b' };
    let plain = mapColumn(type, modifier, types);
    const debeziumType = types.isCompatible ? defaultedType(type) : null;
    if (plain === null) return { mapping: null, keyMapping: null };
    // A default of another type is that of a column that was retyped since.
    if (described?.typeOid === typeOid && (debeziumType !== null || !types.isCompatible)) {
      plain = withDefault(plain, described.defaultExpression, debeziumType);
    }
    const rule = mask(fullName);
    const masked = rule?.apply(plain, characterType(type, modifier)) ?? plain;
    const typeName = sourceTypeName(type, described?.defaultExpression);
    const isHidden = types.isCompatible && masked !== plain && rule?.hidesType === true;
    const isTold = !isHidden && naming.propagatesType(fullName, typeName);
    return { mapping: isTold ? withSourceType(masked, name, typeName, type, modifier) : masked, keyMapping: masked };
  }
}

/** Where a table's records go. Kafka allows few characters there; Debezium puts an underscore in the place of each other one. */
export function topicOf({ prefix, delimiter }: SourceSettings, { schema, name }: QualifiedName): string {
  return [prefix, schema, name].join(delimiter).replace(/[^A-Za-z0-9._-]/g, '_');
}

/** Types whose defaults Debezium reads, enums besides; not domains over them. */
const DEFAULTED =
  'bit varbit bool bpchar varchar text numeric float4 float8 int2 int4 int8 json jsonb xml uuid date time timestamp timestamptz interval'.split(
    ' ',
  );

function defaultedType({ base, kind, name }: PgType): string | null {
  if (base === undefined && kind === 'e') return 'enum';
  return base === undefined && DEFAULTED.includes(name) ? name : null;
}

/** Types that Postgres stores in no more bytes than their text has. */
const DENSE_TYPES = new Set(['text', 'varchar', 'bpchar', 'json', 'xml', 'bytea', 'citext', 'ltree']);
/** What columns that are not sent are taken to hold: all but this part of a row. */
const UNSENT_SHARE = 4;

interface Shape {
  readonly text: string;
  readonly relation: RelationMessage;
  readonly catalog: CatalogTable | undefined;
}

interface ColumnMappings {
  readonly mapping: ColumnMapping | null;
  readonly keyMapping: ColumnMapping | null;
}

/**
 * The primary key, else the index that is the replica identity, else a unique index, else nothing. Rows that have null there
 * are not one row; Debezium takes such an index too.
 */
function keyOf(
  relation: RelationMessage,
  catalog: CatalogTable | undefined,
  takesNullable: boolean,
): readonly string[] {
  const primary = catalog?.primaryKey ?? [];
  if (primary.length > 0) return primary;
  const identity = relation.columns.filter((column) => column.isKey).map((column) => column.name);
  if (relation.replicaIdentity !== 'f' && identity.length > 0) return identity;
  const unique = catalog?.uniqueKey ?? [];
  return takesNullable || unique.every(({ isNullable }) => !isNullable) ? unique.map(({ name }) => name) : [];
}

/** The relation message that a table's catalogue entry would bring: what a snapshot begins with. */
export function relationOf(table: CatalogTable, published: readonly string[] | null): RelationMessage {
  const identity = table.replicaIdentity === 'i' ? table.identityKey : table.primaryKey;
  const columns = table.columns.filter((column) => !column.isGenerated && (published?.includes(column.name) ?? true));
  return {
    oid: table.oid,
    schema: table.schema,
    name: table.name,
    replicaIdentity: table.replicaIdentity,
    columns: columns.map(({ name, typeOid, modifier }) => {
      return { name, typeOid, modifier, isKey: table.replicaIdentity === 'f' || identity.includes(name) };
    }),
  };
}
