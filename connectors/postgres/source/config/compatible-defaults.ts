/**
 * Which text Debezium takes out of a column's DEFAULT: the expression as Postgres prints it is searched, not evaluated. A call
 * or a clock stands for the type's zero; else the first quoted text counts, wherever it is, or all of it where nothing is quoted.
 */

/** The text of the value, `zero` for the placeholder of the type, or null where there is no default. */
export type DefaultText = { readonly text: string } | 'zero' | null;

const CALL = /^[(]?[A-Za-z0-9_.]+\(.*\)/;
const CLOCKS = /^(current_timestamp|current_time|current_date|localtime|localtimestamp)$/i;
const QUOTED = /'((?:[^']|'')*)'/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const MOMENT = /^\d+-\d\d-\d\d(?: \d\d:\d\d.*)?$|^-?infinity$/;

/** Whether a text is a value of the type; of other types any text is. */
const isValue: Readonly<Record<string, (text: string) => boolean>> = {
  int2: (text) => isWhole(text, 16),
  int4: (text) => isWhole(text, 32),
  int8: (text) => isWhole(text, 64),
  float4: isFloat,
  float8: isFloat,
  numeric: (text) => DECIMAL.test(text),
  bit: (text) => /^[01]*$/.test(text),
  varbit: (text) => /^[01]*$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
  date: (text) => MOMENT.test(text),
  timestamp: (text) => MOMENT.test(text),
  timestamptz: (text) => MOMENT.test(text),
  time: (text) => /^\d\d:\d\d/.test(text),
  interval: (text) => /\d/.test(text),
};

/** Of the types whose defaults Debezium reads, by their names in the catalogue; `enum` for any enum. */
export function compatibleDefault(typeName: string, expression: string): DefaultText {
  if (typeName === 'enum') return enumDefault(expression);
  if (CALL.test(expression) || CLOCKS.test(expression)) {
    return typeName === 'timestamptz' ? { text: '1970-01-01 00:00:00+00' } : 'zero';
  }
  const text = firstText(expression);
  if (text === null) return null;
  if (typeName === 'bool') return { text: text.toLowerCase() === 'true' ? 't' : 'f' };
  return (isValue[typeName]?.(text) ?? true) ? { text } : null;
}

function firstText(expression: string): string | null {
  if (!expression.includes("'")) return expression.startsWith('NULL::') ? null : expression;
  return QUOTED.exec(expression)?.[1]?.replaceAll("''", "'") ?? null;
}

/** A label with its cast and nothing else; quotes in it stay doubled. */
function enumDefault(expression: string): DefaultText {
  const label = /^'(.*)'::[^']+$/s.exec(expression)?.[1];
  return label === undefined ? null : { text: label };
}

function isWhole(text: string, bits: number): boolean {
  return /^[+-]?\d+$/.test(text) && BigInt.asIntN(bits, BigInt(text)) === BigInt(text);
}

function isFloat(text: string): boolean {
  return DECIMAL.test(text) || /^[+-]?(?:NaN|Infinity)$/.test(text);
}

/** The decimal with as many digits behind the point, or null where some would be lost. */
export function toScale(text: string, scale: number): string | null {
  const [whole = '', fraction = ''] = text.split('.');
  if (/[1-9]/.test(fraction.slice(scale)) || scale < 0) return null;
  return scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0').slice(0, scale)}`;
}
