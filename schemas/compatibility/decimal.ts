/** Exact decimal arithmetic on JSON numbers: 0.3 is a multiple of 0.1, which floating point denies. */

/** Digits below this power of ten are not looked at; a double has none. */
const MAX_EXPONENT = 400;

/** Whether `value` divided by `divisor` leaves nothing. False for a divisor of zero. */
export function isMultipleOf(value: number, divisor: number): boolean {
  if (divisor === 0) return false;
  const a = decimal(value);
  const b = decimal(divisor);
  const exponent = Math.min(a.exponent, b.exponent);
  if (Math.max(a.exponent, b.exponent) - exponent > MAX_EXPONENT * 2) return false;
  return scaled(a, exponent) % scaled(b, exponent) === 0n;
}

/** digits × 10^exponent */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function decimal(value: number): Decimal {
  const [mantissa = '0', power = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length };
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}
