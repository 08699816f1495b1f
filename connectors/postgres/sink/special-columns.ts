/**
 * Columns whose values come in forms of Debezium that Postgres does not read by itself: shapes, bits, vectors, hstore, lists of JSON. The
 * expression that makes the column's type of the JSON. Part of target-column.ts.
 */

type Expression = (json: string) => string;

const bytesOf = (json: string) => `decode(${json}->>'wkb', 'base64')`;

/** The double whose eight bytes begin at `at`, the least first (IEEE 754); what is too small for a normal one is 0. */
function doubleAt(bytes: string, at: string): string {
  const byte = (index: number) => `get_byte(${bytes}, ${at} + ${index})::bigint`;
  const exponent = `(((${byte(7)} & 127) << 4) | (${byte(6)} >> 4))`;
  const low = [0, 1, 2, 3, 4, 5].map((index) => `(${byte(index)} << ${index * 8})`).join(' | ');
  const fraction = `(((${byte(6)} & 15) << 48) | ${low})`;
  const sign = `(1 - 2 * (${byte(7)} >> 7))::float8`;
  return `CASE ${exponent} WHEN 0 THEN 0::float8 ELSE ${sign} * (${fraction} + (1::bigint << 52))::float8 * power(2::float8, (${exponent} - 1075)::float8) END`;
}

/** The points of a line string (two counts before them) or of a polygon's only ring (three), as text; `left` of them at the end are left out. */
function points(json: string, header: number, left: number): string {
  const count = `get_byte(b, ${header - 4}) + (get_byte(b, ${header - 3}) << 8) + (get_byte(b, ${header - 2}) << 16)`;
  const point = `'(' || ${doubleAt('b', `${header} + 16 * i`)} || ',' || ${doubleAt('b', `${header + 8} + 16 * i`)} || ')'`;
  return `(SELECT string_agg(${point}, ',' ORDER BY i) FROM (SELECT ${bytesOf(json)} AS b) w, generate_series(0, ${count} - 1 - ${left}) AS i)`;
}

/** Byte order, type, count of points. */
const LINE_HEADER = 9;
/** Byte order, type, count of rings, count of points; the last point is the first. */
const RING_HEADER = 13;

const entries = (json: string) =>
  `(SELECT coalesce(hstore(array_agg(key), array_agg(value)), '') FROM json_each_text(${json}))`;

const elementsOf = (json: string) => `json_array_elements(${json}) WITH ORDINALITY AS e(v, o)`;

/** JSON travels as text, within lists too. */
const documents = (type: string) => (json: string) =>
  `ARRAY(SELECT CASE json_typeof(v) WHEN 'null' THEN NULL WHEN 'string' THEN (v #>> '{}')::${type} ELSE v::${type} END FROM ${elementsOf(json)} ORDER BY o)`;

const EXPRESSIONS: Readonly<Record<string, Expression>> = {
  line: (json) => `('{' || (${json}->>'a') || ',' || (${json}->>'b') || ',' || (${json}->>'c') || '}')::line`,
  circle: (json) =>
    `circle(point((${json}->'center'->>'x')::float8, (${json}->'center'->>'y')::float8), (${json}->>'radius')::float8)`,
  lseg: (json) => `('[' || ${points(json, LINE_HEADER, 0)} || ']')::lseg`,
  path: (json) =>
    `CASE ${json}->'extensions'->>'closed' WHEN 'true' THEN '(' || ${points(json, LINE_HEADER, 0)} || ')' ELSE '[' || ${points(json, LINE_HEADER, 0)} || ']' END::path`,
  polygon: (json) => `('(' || ${points(json, RING_HEADER, 1)} || ')')::polygon`,
  box: (json) => `box(('(' || ${points(json, RING_HEADER, 1)} || ')')::polygon)`,
  'json[]': documents('json'),
  'jsonb[]': documents('jsonb'),
  vector: (json) => `(${json}::text)::vector`,
  halfvec: (json) => `(${json}::text)::halfvec`,
  sparsevec: (json) =>
    `('{' || coalesce((SELECT string_agg((p->>0) || ':' || (p->>1), ',') FROM json_array_elements(${json}->'vector') p), '') || '}/' || (${json}->>'dimensions'))::sparsevec`,
  hstore: (json) =>
    `CASE WHEN json_typeof(${json}) = 'object' THEN ${entries(json)} WHEN ${json} #>> '{}' LIKE '{%' THEN ${entries(`(${json} #>> '{}')::json`)} ELSE (${json} #>> '{}')::hstore END`,
};

/**
 * PostGIS reads its own binary form in hexadecimal, with the SRID where it has one; other sources tell that beside it. Its functions are
 * where its types are.
 */
function postgisExpression(type: string): Expression | null {
  const [, schema = '', name] = /^(.*\.)?(geometry|geography)(?:\(.*\))?$/.exec(type) ?? [];
  if (name === undefined) return null;
  return (json) => {
    const shape = `encode(${bytesOf(json)}, 'hex')::${schema}geometry`;
    const placed = `${schema}ST_SetSRID(${shape}, (${json}->>'srid')::int)`;
    return `(CASE WHEN ${json}->>'srid' IS NULL THEN ${shape} ELSE ${placed} END)::${schema}${name}`;
  };
}

/**
 * Bits come as bytes, the least significant first, a single one as a boolean; also as the digits themselves. How many there were in
 * a `bit varying` is not told: those above the highest that is set are not there.
 */
function bitExpression(type: string): Expression {
  const width = /\((\d+)\)$/.exec(type)?.[1];
  const isVarying = type.startsWith('bit varying');
  const count = isVarying || width === undefined ? '8 * length(b)' : width;
  const digits = `string_agg(get_bit(b, i)::text, '' ORDER BY i DESC)`;
  const text = isVarying ? `coalesce(ltrim(${digits}, '0'), '')` : digits;
  return (json) => {
    const bytes = `(SELECT ${text} FROM (SELECT decode(${json} #>> '{}', 'base64') AS b) w, generate_series(0, least(${count}, 8 * length(b)) - 1) AS i)`;
    return `CASE WHEN json_typeof(${json}) = 'boolean' THEN CASE ${json} #>> '{}' WHEN 'true' THEN '1' ELSE '0' END WHEN ${json} #>> '{}' ~ '^[01]*$' THEN ${json} #>> '{}' ELSE ${bytes} END::${type}`;
  };
}

/** The expression for a column of this type (as `format_type` writes it), or null for any other type. Null stays null. */
export function specialExpression(targetType: string): Expression | null {
  const expression = expressionFor(targetType);
  if (expression !== null) return (json) => unlessNull(json, expression(json));
  const element = targetType.endsWith('[]') ? expressionFor(targetType.slice(0, -'[]'.length)) : null;
  if (element === null) return null;
  const elements = unlessNull('e.v', element('e.v'));
  return (json) => unlessNull(json, `ARRAY(SELECT ${elements} FROM ${elementsOf(json)} ORDER BY e.o)`);
}

function expressionFor(type: string): Expression | null {
  if (type.startsWith('bit') && !type.endsWith('[]')) return bitExpression(type);
  return postgisExpression(type) ?? EXPRESSIONS[type.replace(/\(.*\)$/, '').replace(/^.*\./, '')] ?? null;
}

function unlessNull(json: string, expression: string): string {
  return `CASE WHEN ${json} IS NULL OR json_typeof(${json}) = 'null' THEN NULL ELSE ${expression} END`;
}
