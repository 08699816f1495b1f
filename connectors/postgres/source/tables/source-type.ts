/**
 * A column's type in Postgres, told in the parameters of its schema (`column.propagate.source.type`): name, length and scale
 * as the JDBC driver reports them, which is what consumers of Debezium's records have learned to read.
 */
import { type ColumnMapping, numericModifier, type PgType } from '../../types/mapping.ts';

const UNLIMITED = 2_147_483_647;
/** The header that counts in the modifier of character types. */
const HEADER_BYTES = 4;

const FIXED: Readonly<Record<string, readonly [length: number, scale: number]>> = {
  bool: [1, 0],
  char: [1, 0],
  date: [13, 0],
  float4: [8, 8],
  float8: [17, 17],
  int2: [5, 0],
  int4: [10, 0],
  int8: [19, 0],
  oid: [10, 0],
};

/** Characters of a value without its fraction. */
const CLOCKS: Readonly<Record<string, number>> = { time: 8, timetz: 14, timestamp: 22, timestamptz: 28 };

/** The type below domains, and the length of varchar(n) and char(n), else null. */
export function characterType(
  type: PgType,
  modifier: number,
): { readonly name: string; readonly length: number | null } {
  const { name, own } = underlying(type, modifier);
  const isBounded = (name === 'varchar' || name === 'bpchar') && own >= HEADER_BYTES;
  return { name, length: isBounded ? own - HEADER_BYTES : null };
}

const SERIALS: Readonly<Record<string, string>> = { int2: 'SMALLSERIAL', int4: 'SERIAL', int8: 'BIGSERIAL' };

/** The type's name in capitals; an integer that counts by itself has another, as in the JDBC driver. */
export function sourceTypeName(type: PgType, defaultExpression: string | null | undefined): string {
  const serial = defaultExpression?.includes('nextval(') ? SERIALS[type.name] : undefined;
  return serial ?? type.name.toUpperCase();
}

/** The mapping with the type in its schema's parameters. */
export function withSourceType(
  mapping: ColumnMapping,
  column: string,
  typeName: string,
  type: PgType,
  modifier: number,
): ColumnMapping {
  const [length, scale] = sizeOf(type, modifier);
  const parameters = {
    ...mapping.schema.parameters,
    '__debezium.source.column.type': typeName,
    '__debezium.source.column.length': String(length),
    '__debezium.source.column.scale': String(scale),
    '__debezium.source.column.name': column,
  };
  return { ...mapping, schema: { ...mapping.schema, parameters } };
}

function sizeOf(type: PgType, modifier: number): readonly [length: number, scale: number] {
  const { name, own } = underlying(type, modifier);
  const fixed = FIXED[name];
  if (fixed !== undefined) return fixed;
  const clock = CLOCKS[name];
  if (clock !== undefined) {
    const digits = own < 0 ? 6 : own;
    // The driver takes one digit for two.
    return [clock + (digits === 0 ? 0 : Math.max(digits, 2) + 1), digits];
  }
  // Which fields an interval has stands above the digits of its seconds.
  if (name === 'interval') return [49, own < 0 ? 6 : own & 0xffff];
  if (name === 'numeric') {
    const declared = numericModifier(own);
    return declared === null ? [131_089, 0] : [declared.precision, declared.scale];
  }
  if (name === 'bit' || name === 'varbit') return [own < 0 ? UNLIMITED : own, 0];
  return [characterType(type, modifier).length ?? UNLIMITED, 0];
}

/** What a domain stands on, or an array holds, with the modifier that counts. */
function underlying(type: PgType, modifier: number): { readonly name: string; readonly own: number } {
  if (type.base !== undefined) return underlying(type.base.type, modifier === -1 ? type.base.modifier : modifier);
  if (type.element !== undefined) return underlying(type.element, modifier);
  return { name: type.name, own: modifier };
}
