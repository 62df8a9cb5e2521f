/** Exact fractions, so that `1/24` of a day is an hour and `30/24/60` is thirty minutes. The denominator is above zero. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

export function rational(numerator: bigint, denominator = 1n): Rational {
  const sign = denominator < 0n ? -1n : 1n;
  const divisor = greatestCommonDivisor(numerator, denominator) * sign;
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

export function add(left: Rational, right: Rational): Rational {
  return rational(
    left.numerator * right.denominator + right.numerator * left.denominator,
    left.denominator * right.denominator,
  );
}

export function negate(value: Rational): Rational {
  return { numerator: -value.numerator, denominator: value.denominator };
}

export function multiply(left: Rational, right: Rational): Rational {
  return rational(left.numerator * right.numerator, left.denominator * right.denominator);
}

/** Null when `right` is zero. */
export function divide(left: Rational, right: Rational): Rational | null {
  return right.numerator === 0n
    ? null
    : rational(left.numerator * right.denominator, left.denominator * right.numerator);
}

/** The whole part, toward zero, and what is left; both carry the sign of the value. */
export function splitWhole(value: Rational): { whole: bigint; rest: Rational } {
  const whole = value.numerator / value.denominator;
  return { whole, rest: { numerator: value.numerator % value.denominator, denominator: value.denominator } };
}

/** `value × unit` to the nearest whole number, halves away from zero. Safe where the result is. */
export function scaleToInteger(value: Rational, unit: bigint): number {
  const numerator = value.numerator * unit;
  const half = numerator < 0n ? -value.denominator : value.denominator;
  return Number((2n * numerator + half) / (2n * value.denominator));
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let a = left < 0n ? -left : left;
  let b = right < 0n ? -right : right;
  while (b > 0n) [a, b] = [b, a % b];
  return a === 0n ? 1n : a;
}
