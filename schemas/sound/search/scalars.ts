/**
 * Numbers and texts worth trying: at the limits that either schema names, and one step to both sides of them.
 *
 * Pure. `hints` are the demands of the schema that is to refuse; what is proposed need not fit the facts, the caller
 * keeps what does.
 */
import { textsMatching } from '../../regex/sample.ts';
import type { Facts } from '../facts.ts';
import type { Demands } from '../predicate.ts';
import { lengthOf } from '../values.ts';

/** Texts are padded up to this many characters; a limit beyond it is not tried. */
const MAX_TEXT = 70_000;
const STEPS = [0, -1, 1, -0.5, 0.5];

export function numbersFor(facts: Facts, hints: readonly Demands[]): number[] {
  const all = [...facts.demands, ...hints];
  const landmarks = new Set<number>();
  for (const { lower, upper, multipleOf } of all) {
    for (const bound of [lower, upper]) if (bound !== null) landmarks.add(bound.value);
    if (multipleOf !== null) for (const times of [1, -1, 2, 3, 7]) landmarks.add(times * multipleOf);
  }
  const tried = new Set<number>([1, 0]);
  for (const landmark of landmarks) for (const step of STEPS) tried.add(landmark + step);
  for (const { lower, upper, multipleOf } of all) {
    if (multipleOf === null || multipleOf === 0) continue;
    for (const bound of [lower, upper]) if (bound !== null) addMultiples(bound.value, multipleOf, tried);
  }
  for (const usual of [1.5, -1, -0.5, 2, 3, 1e3 + 1, 1e9, -1e9, 2 ** 31, 2 ** 53, 1e15 + 0.5]) tried.add(usual);
  return [...tried].filter(Number.isFinite);
}

function addMultiples(near: number, multipleOf: number, to: Set<number>): void {
  const times = Math.floor(near / multipleOf);
  // By division where the step is a fraction, so that 0.1 times 3 is 0.3.
  const inverse = Math.round(1 / multipleOf);
  const isExact = multipleOf < 1 && Math.abs(inverse * multipleOf - 1) < Number.EPSILON * 4;
  for (const each of [times - 1, times, times + 1, times + 2]) to.add(isExact ? each / inverse : each * multipleOf);
}

/** A text in each format the validators know, for records that are to pass. */
const IN_FORMAT: Readonly<Record<string, readonly string[]>> = {
  'date-time': ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.5+02:00'],
  'iso-date-time': ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00'],
  date: ['2026-01-31', '1970-01-01'],
  time: ['12:00:00Z'],
  'iso-time': ['12:00:00'],
  duration: ['P1D', 'PT1H'],
  uri: ['http://example.com/a', 'urn:a:b'],
  'uri-reference': ['/a', 'http://example.com/a'],
  'uri-template': ['http://example.com/{a}'],
  url: ['http://example.com/a'],
  email: ['a@example.com'],
  hostname: ['example.com'],
  ipv4: ['192.0.2.1'],
  ipv6: ['2001:db8::1'],
  regex: ['a+'],
  uuid: ['123e4567-e89b-12d3-a456-426614174000'],
  'json-pointer': ['/a', ''],
  'json-pointer-uri-fragment': ['#/a'],
  'relative-json-pointer': ['1/a'],
  byte: ['YQ=='],
};

export function textsFor(facts: Facts, hints: readonly Demands[]): string[] {
  const all = [...facts.demands, ...hints];
  const bases = [
    ...facts.demands.flatMap(({ format }) => IN_FORMAT[format ?? ''] ?? []),
    ...facts.demands.flatMap(({ pattern }) => (pattern === null ? [] : textsMatching(pattern))),
    'a',
    '',
    'A b-1',
    ...hints.flatMap(({ format }) => IN_FORMAT[format ?? ''] ?? []),
    ...hints.flatMap(({ pattern }) => (pattern === null ? [] : textsMatching(pattern))),
    ...Object.values(IN_FORMAT).map((texts) => texts[0]!),
    '0',
    '12345',
    ' ',
    'é😀',
    'a\nb',
  ];
  const lengths = new Set<number>();
  for (const { minLength, maxLength } of all) {
    for (const limit of [minLength, maxLength]) {
      if (limit > 0 && limit < MAX_TEXT) for (const step of [0, -1, 1]) lengths.add(limit + step);
    }
  }
  const sized = [...lengths].flatMap((length) => bases.slice(0, 6).map((base) => sizedTo(base, length)));
  return [...new Set([...bases, ...sized])];
}

/** The text cut or lengthened by repeating its last character. */
function sizedTo(base: string, length: number): string {
  const characters = [...base];
  if (characters.length >= length) return characters.slice(0, length).join('');
  return base + (characters.at(-1) ?? 'a').repeat(length - lengthOf(base));
}
