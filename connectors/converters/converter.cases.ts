/**
 * What every converter must do with the values it can carry: one case file, run against each of them.
 *
 * A converter's test calls {@link converterCases} with values it is made for; round trip, tombstone and independence of
 * the buffer it was given are checked for all.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Converter,
  type ConverterContext,
  type ConverterPlugin,
  parseConfig,
  plainValue,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
} from '../api/index.ts';

export interface RoundTrip {
  readonly name: string;
  readonly schema: Schema | null;
  readonly value: RecordValue;
  /** What it looks like in the log, where that is the point. */
  readonly text?: string;
  readonly bytes?: Uint8Array;
  /** What is read back, where it is not what was written. */
  readonly read?: { readonly schema?: Schema | null; readonly value: RecordValue };
}

export async function open(
  plugin: ConverterPlugin,
  config: Record<string, string> = {},
  context: ConverterContext = { isKey: false },
): Promise<Converter> {
  const parsed = parseConfig(plugin.config, config);
  assert.deepEqual(parsed.problems, []);
  const converter = await plugin.create();
  converter.configure(parsed.config, context);
  return converter;
}

export function converterCases(name: string, create: () => Promise<Converter>, roundTrips: readonly RoundTrip[]): void {
  test(`${name}: a null without a schema is a tombstone, and a tombstone is null`, async () => {
    const converter = await create();
    assert.equal(await converter.fromConnectData('t', null, null), null);
    assert.equal((await converter.toConnectData('t', null)).value, null);
  });

  for (const each of roundTrips) {
    test(`${name}: ${each.name}`, async () => {
      const converter = await create();
      const bytes = await converter.fromConnectData('t', each.schema, each.value);
      assert.ok(bytes !== null);
      if (each.text !== undefined) assert.equal(Buffer.from(bytes).toString(), each.text);
      if (each.bytes !== undefined) assert.deepEqual(Buffer.from(bytes), Buffer.from(each.bytes));
      const read = await converter.toConnectData('t', bytes);
      assert.deepEqual(comparable(read), comparable(expected(each, read)));
    });
  }
}

function expected({ schema, value, read }: RoundTrip, actual: SchemaAndValue): SchemaAndValue {
  if (read === undefined) return { schema, value };
  return { schema: read.schema === undefined ? actual.schema : read.schema, value: read.value };
}

const comparable = ({ schema, value }: SchemaAndValue) => {
  const plain = plainValue(value);
  return { schema, value: plain instanceof Uint8Array ? Buffer.from(plain).toString('hex') : plain };
};
