/**
 * Where our stock transforms differ from Kafka Connect's, and why: the test holds the list to be exact.
 */

export interface KnownDifference {
  /** Names of cases in stock.golden.json. */
  readonly cases: RegExp;
  readonly why: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    cases: /^Cast (decimal|date|time|timestamp) to \w+$/,
    why: 'A whole value keeps its logical name in Java, with which no converter can write it. Ours drops the name.',
  },
  {
    cases: /^Cast (date|time|timestamp) to \w+ without a schema$/,
    why: 'Java refuses dates that have no schema; ours are numbers and texts like all others.',
  },
  {
    cases: /^MaskField of (b|st)$/,
    why: 'Java has no empty bytes and no empty struct; ours has.',
  },
  {
    cases: /^SetSchemaMetadata(\$Value (a name|a version|both), a string with a schema| of a date)$/,
    why: 'Java fails on every schema that is no struct, array or map; ours names any.',
  },
  {
    cases: /^TimestampConverter from unix (seconds|milliseconds)$/,
    why: 'The number is beyond what a JavaScript date can hold (the year 275760).',
  },
  {
    cases: /^TimestampConverter reads 23-01-05 as yyyy-MM-dd$/,
    why: 'Before 1582 Java counts in the Julian calendar.',
  },
  { cases: /^RegexRouter shop to $/, why: 'A topic without a name cannot be; ours says so at once.' },
];
