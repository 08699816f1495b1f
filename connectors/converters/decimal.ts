/**
 * Exact decimals between text (`"12.50"`) and Connect's bytes: the unscaled number, big-endian two's complement.
 */
import { badData } from './errors.ts';

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** Beyond this an exponent is a mistake, or an attack on memory. */
const MAX_EXPONENT = 10_000;

export function decimalToBytes(text: string, scale: number): Uint8Array {
  return bigintToBytes(unscaled(text, scale));
}

/** The number without its point, at exactly `scale` digits behind it. Refuses to round. */
export function unscaled(text: string, scale: number): bigint {
  const match = DECIMAL.exec(text.trim());
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '') throw badData(`"${text}" is no decimal number.`);
  const exponent = Number(match[4] ?? 0);
  if (Math.abs(exponent) > MAX_EXPONENT) throw badData(`The exponent of "${text}" is too large.`);
  const shift = scale - fraction.length + exponent;
  const digits = BigInt(whole + fraction);
  const magnitude =
    shift >= 0 ? digits * 10n ** BigInt(shift) : divideExactly(digits, 10n ** BigInt(-shift), text, scale);
  return match[1] === '-' ? -magnitude : magnitude;
}

function divideExactly(digits: bigint, divisor: bigint, text: string, scale: number): bigint {
  if (digits % divisor !== 0n) throw badData(`"${text}" has more than the ${scale} decimal places of its schema.`);
  return digits / divisor;
}

export function decimalFromBytes(bytes: Uint8Array, scale: number): string {
  if (bytes.length === 0) throw badData('A decimal of no bytes is no number.');
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  value = BigInt.asIntN(bytes.length * 8, value);
  if (scale <= 0) return String(value * 10n ** BigInt(-scale));
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The fewest bytes that hold the number and its sign, as java.math.BigInteger writes it. */
function bigintToBytes(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length++;
  const bytes = Buffer.alloc(length);
  for (let rest = value, index = length - 1; index >= 0; index--, rest >>= 8n) bytes[index] = Number(rest & 0xffn);
  return bytes;
}
