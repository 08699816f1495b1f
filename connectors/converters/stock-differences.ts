/**
 * Where our stock converters differ from Kafka Connect's, and why: the test holds the list to be exact.
 */

export interface KnownDifference {
  /** Names of cases in stock.golden.json. */
  readonly cases: RegExp;
  readonly why: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    cases: /^JsonConverter .* writes (date|decimal) without a schema$/,
    why: 'Java refuses dates and decimals without a schema; ours are numbers and texts.',
  },
  {
    cases:
      /^JsonConverter \(false[^)]*\) writes (null|optional struct that is null)$|^JsonConverter \(false false\) writes null with a default$/,
    why: 'Java writes the text null for an optional null; ours is a tombstone, so that compaction may drop the key.',
  },
  {
    cases:
      /^JsonConverter \(true.* reads \{"schema":\{"type":"(int32"\},"payload":("5"|1\.7)|int8"\},"payload":300|boolean"\},"payload":"true"|string"\},"payload":5|array","items":\{"type":"int32"\}\},"payload":5)/,
    why: 'Java makes 0, false, null or an empty list of what does not fit its schema; ours refuses the record.',
  },
  {
    cases: /^JsonConverter \(true.* reads \{"schema":\{"type":"double"\},"payload":"NaN"/,
    why: 'Jackson writes NaN as text and Java reads it back as 0; ours reads NaN.',
  },
  {
    cases: /^JsonConverter \(true.*connect\.data\.Decimal".*"payload":12\.5\}/,
    why: 'Java keeps the scale the number was written with; ours has the scale of its schema.',
  },
  {
    cases: /^JsonConverter \(false\) reads \{"a":1\}\{"b":2\}$/,
    why: 'Java reads the first of two documents and forgets the second; ours refuses.',
  },
  {
    cases: /^JsonConverter \(false\) reads .*12345678901234567890/,
    why: 'Java lets a whole number beyond 64 bits overflow; ours keeps it.',
  },
  {
    cases: /^StringConverter writes (bytes|no bytes|date|time|timestamp)/,
    why: "Java writes its objects' toString(), which says nothing about bytes and no zone of times; ours are UTF-8 and ISO.",
  },
  {
    cases: /^(ByteArray|Boolean)Converter writes (required )?null/,
    why: 'A null is a tombstone whatever its schema.',
  },
  {
    cases: /^SimpleHeaderConverter reads "(1,000|1\]|10:15:30|2020-13-01)"$/,
    why: 'Java takes the number at the beginning for the whole, and months beyond December; ours takes the text.',
  },
  {
    cases: /^SimpleHeaderConverter writes (date before 1970|date with a time|time of another day)$/,
    why: 'Java guesses from the milliseconds; ours asks the schema.',
  },
];
