/**
 * Where our sink differs from the JDBC sinks of others on purpose, and why; the test holds the list to be exact. "Theirs" are
 * Debezium's JDBC sink 3.5.0 and Confluent's at the version of test/golden/README.md.
 */

interface Difference {
  readonly scenarios: string;
  readonly why: string;
}

const differences: readonly Difference[] = [
  {
    scenarios: 'types-connect types-connect-optional',
    why: 'a decimal whose precision nobody tells gets a column without one; theirs rounds -128 to -130',
  },
  {
    scenarios: 'types-time types-time-optional columns-time',
    why: 'the end of the day is 24:00, and an interval keeps its microseconds; both as in Debezium 3.6',
  },
  { scenarios: 'types-iso', why: 'times in ISO form get columns of times; theirs are text' },
  {
    scenarios: 'types-data types-data-optional',
    why: 'JSON is jsonb unless the source says json, numbers keep their digits, and bits over a byte their order',
  },
  { scenarios: 'types-point', why: 'points arrive; theirs takes them for shapes of PostGIS (later versions do not)' },
  {
    scenarios: 'types-array-native',
    why: 'elements get the type of the source as far as it is told, and decimals in lists arrive',
  },
  {
    scenarios:
      'types-array-of-arrays types-array-of-structs types-struct confluent-types-struct confluent-types-map transform-fields-inner',
    why: 'what has no column type of its own is jsonb; theirs refuses the record',
  },
  {
    scenarios: 'types-map types-extended columns-map',
    why: 'quotes and nulls arrive in hstore; theirs writes what Postgres refuses, or the word null',
  },
  {
    scenarios: 'types-default types-default-optional confluent-types-default confluent-types-default-optional',
    why: 'defaults of every type reach the table; theirs cannot write some of them down',
  },
  {
    scenarios: 'types-propagated types-propagated-optional',
    why: 'no sequences, because nobody would count them on; macaddr8, money and numeric as at the source',
  },
  {
    scenarios: 'columns-coerced columns-quoted-enum columns-text-for-numbers',
    why: "text is read as the column's type whatever that is; theirs knows uuid and json",
  },
  {
    scenarios: 'modes-insert-record_key modes-insert-record_value modes-insert-record_header',
    why: 'what follows a refused put is tried; theirs answers with the error of the one before for ever',
  },
  {
    scenarios:
      'modes-upsert-none modes-update-none errors-unkeyed-upsert confluent-modes-upsert-none confluent-modes-update-none confluent-keys-kafka-two-names',
    why: 'keys that contradict one another are refused before anything is written',
  },
  { scenarios: 'keys-unknown-field', why: 'a record without the field of the key makes no table' },
  { scenarios: 'keys-primitive', why: 'a key without fields goes to the one column that is named, as in Confluent' },
  {
    scenarios: 'names-dots names-unquoted',
    why: 'names without quotes are small letters everywhere; theirs makes the table and does not find it',
  },
  { scenarios: 'names-long', why: 'a name that Postgres would cut makes no table' },
  {
    scenarios: 'names-source-of-flat naming-source-of-flat',
    why: 'a record that says no table is a bad record; theirs passes over it',
  },
  {
    scenarios: 'evolve-required evolve-required-in-empty-table confluent-evolve-required',
    why: 'a required field without a default gets a column that may be null, because the rows before it have none',
  },
  { scenarios: 'confluent-evolve-default', why: 'a required field with a default is NOT NULL when added, too' },
  { scenarios: 'confluent-evolve-case', why: 'names that differ in capitals are two columns' },
  {
    scenarios: 'errors-bad-row-reported',
    why: 'only the bad rows are reported, and their neighbours are delivered',
  },
  {
    scenarios: 'errors-no-schema confluent-errors-no-schema',
    why: 'records without schemas are written by the types of the table, or of their values',
  },
  {
    scenarios: 'delete-by-value delete-by-header',
    why: 'a delete event that brings its key in the row or in headers deletes it, as in Debezium 3.7',
  },
  { scenarios: 'target-identity-always', why: "a replica has its source's numbers, as in Debezium 3.6" },
  { scenarios: 'confluent-zone', why: 'a time of day has no zone and stays what it is' },
  { scenarios: 'confluent-delete-insert-delete', why: 'a row that is gone within a batch brings no columns' },
  { scenarios: 'confluent-delete-disabled', why: 'a tombstone asks nothing where deletes are off; theirs refuses it' },
  { scenarios: 'confluent-view-of-other-type', why: 'a view that Postgres can write to is written to' },
  {
    scenarios: 'confluent-zone-of-dates-west confluent-calendar-legacy',
    why: 'a date stays the day it is, in any zone and before 1582; theirs has switches for that (date.timezone, date.calendar.system)',
  },
  { scenarios: 'keys-with-blanks', why: 'blanks beside the commas of a list belong to no name, as in Confluent' },
  {
    scenarios: 'keys-some-headers',
    why: 'headers that are named are the key, and the others nothing; theirs takes them all',
  },
  { scenarios: 'unnest', why: 'a batch may have a key twice; theirs then answers with that error for ever' },
  {
    scenarios: 'transform-fields-tombstone',
    why: 'the key of a tombstone has the new names, too, so that its row is found',
  },
];

const reasons = new Map(differences.flatMap(({ scenarios, why }) => scenarios.split(' ').map((name) => [name, why])));

/** Why ours differs in this scenario, or null where it must not. */
export function differenceOf(scenario: string): string | null {
  return reasons.get(scenario) ?? null;
}
