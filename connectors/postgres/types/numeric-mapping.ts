/**
 * Numbers: integers and floats stay the digits Postgres wrote; numeric and money follow `decimal.handling.mode`.
 */
import { LogicalNames, type Schema, type SchemaType, struct } from '../../api/index.ts';
import {
  type ColumnMapping,
  javaDouble,
  javaSingle,
  numericModifier,
  type TypeModes,
  type WriteValue,
  writeConverted,
  writeRaw,
} from './mapping.ts';
import { decimalToBytes, moneyToDecimal, scaleOf } from './text-forms.ts';

const integers: Readonly<Record<string, SchemaType>> = { int2: 'int16', int4: 'int32', int8: 'int64', oid: 'int64' };
const floats: Readonly<Record<string, 'float32' | 'float64'>> = { float4: 'float32', float8: 'float64' };

/** The mapping of a number's type, or null for any other type. */
export function numericMapping(name: string, modifier: number, modes: TypeModes): ColumnMapping | null {
  const integer = integers[name];
  if (integer !== undefined) return { schema: { type: integer }, write: writeRaw, zero: '0' };
  const float = floats[name];
  if (float !== undefined)
    return { schema: { type: float }, write: modes.isCompatible ? javaWriters[float] : writeFloat, zero: '0.0' };
  if (name === 'numeric') return decimalMapping(modifier, modes);
  if (name === 'money') return moneyMapping(modes);
  return null;
}

const DIGIT_9 = 0x39;
const MINUS = 0x2d;
const LETTER_I = 0x49;
const LETTER_N = 0x4e;

/** NaN and the infinities have no JSON number: they are written as the strings Jackson writes. */
const writeFloat: WriteValue = (out, source, start, end) => {
  // The words end in a letter, numbers in a digit.
  if (source[end - 1]! <= DIGIT_9) out.copy(source, start, end);
  else out.string(source, start, end);
};

const javaWriters: Readonly<Record<'float32' | 'float64', WriteValue>> = {
  float32: (out, source, start, end) => out.ascii(javaSingle(source.toString('latin1', start, end))),
  float64: (out, source, start, end) => out.ascii(javaDouble(source.toString('latin1', start, end))),
};

/** Debezium has words of its own for what is no number. */
const writeCompatibleText: WriteValue = (out, source, start, end) => {
  const sign = source[start] === MINUS ? 1 : 0;
  if (source[start + sign] === LETTER_I) out.ascii(sign === 1 ? '"NEGATIVE_INFINITY"' : '"POSITIVE_INFINITY"');
  else if (source[start] === LETTER_N) out.ascii('"NAN"');
  else out.string(source, start, end);
};

/** Numbers of type numeric are ASCII without anything to escape. */
const writeQuoted: WriteValue = (out, source, start, end) => out.string(source, start, end);

function decimalMapping(modifier: number, modes: TypeModes): ColumnMapping {
  const declared = numericModifier(modifier);
  const scale = declared !== null && modes.isCompatible ? { scale: declared.scale } : {};
  if (modes.decimal === 'string') {
    const write = modes.isCompatible ? writeCompatibleText : writeQuoted;
    return { schema: textSchema(modifier, modes), write, zero: zeroText(scale.scale ?? 0), ...scale };
  }
  if (modes.decimal === 'double') return { ...doubleMapping(modes), ...scale };
  if (declared === null) return variableScaleMapping(modes);
  return { ...fixedScale(declared.scale, declared.precision), ...scale };
}

/** Zero with that many digits behind the point. */
function zeroText(digits: number): string {
  return `"${digits > 0 ? `0.${'0'.repeat(digits)}` : '0'}"`;
}

/** Text that a sink can make a number of again: the parameters are those of Debezium's `column.propagate.source.type`. */
function textSchema(modifier: number, modes: TypeModes): Schema {
  if (modes.isCompatible) return { type: 'string' };
  const declared = numericModifier(modifier);
  const size = declared === null ? {} : { length: declared.precision, scale: declared.scale };
  const parameters = Object.entries({ type: 'NUMERIC', ...size }).map(
    ([name, value]) => [`__debezium.source.column.${name}`, String(value)] as const,
  );
  return { type: 'string', parameters: Object.fromEntries(parameters) };
}

function doubleMapping({ isCompatible }: TypeModes): ColumnMapping {
  const write = writeConverted(isCompatible ? (text) => javaDouble(String(Number(text))) : toDouble);
  return { schema: { type: 'float64' }, write, zero: '0.0' };
}

function toDouble(text: string): string {
  const value = Number(text);
  return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(text);
}

/** NaN has no Decimal; Debezium sends null for it too. */
function fixedScale(scale: number, precision?: number): ColumnMapping {
  const toBytes = (text: string) => (/\d/.test(text) ? `"${decimalToBytes(text, scale).toString('base64')}"` : 'null');
  const parameters: Record<string, string> = { scale: String(scale) };
  if (precision !== undefined) parameters['connect.decimal.precision'] = String(precision);
  return {
    schema: { type: 'bytes', name: LogicalNames.decimal, version: 1, parameters },
    write: writeConverted(toBytes),
    zero: toBytes('0'),
  };
}

const variableScale: Schema = {
  ...struct('io.debezium.data.VariableScaleDecimal', [
    { name: 'scale', schema: { type: 'int32' } },
    { name: 'value', schema: { type: 'bytes' } },
  ]),
  version: 1,
  doc: 'Variable scaled decimal',
};

/** Debezium leaves out zeros at the end. */
function variableScaleMapping({ isCompatible }: TypeModes): ColumnMapping {
  const shortened = (text: string) => toVariableScale(text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  const write = writeConverted(isCompatible ? shortened : toVariableScale);
  return { schema: variableScale, write, zero: toVariableScale('0') };
}

function toVariableScale(text: string): string {
  if (!/\d/.test(text)) return 'null';
  const scale = scaleOf(text);
  return `{"scale":${scale},"value":"${decimalToBytes(text, scale).toString('base64')}"}`;
}

function moneyMapping(modes: TypeModes): ColumnMapping {
  const precise = fixedScale(modes.moneyFractionDigits);
  const inner: ColumnMapping =
    modes.decimal === 'precise'
      ? precise
      : modes.decimal === 'double'
        ? doubleMapping(modes)
        : { schema: textSchema(-1, modes), write: writeQuoted, zero: zeroText(modes.moneyFractionDigits) };
  return {
    ...inner,
    write: (out, source, start, end) => {
      const plain = Buffer.from(moneyToDecimal(source.toString('latin1', start, end)));
      inner.write(out, plain, 0, plain.length);
    },
  };
}
