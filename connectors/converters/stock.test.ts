/**
 * The stock converters against what Kafka Connect's own answered (stock.golden.json, recorded by
 * test/compat/clients/connect/record-plugins.ts): bytes for values, and values for bytes.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readData, type WrittenData, writeData } from '../../test/kit/connect-data.ts';
import { parseConfig } from '../api/index.ts';
import { catalogue } from '../catalogue.ts';
import { type KnownDifference, knownDifferences } from './stock-differences.ts';

interface Case {
  readonly name: string;
  readonly class: string;
  readonly config: Readonly<Record<string, string>>;
  readonly from?: WrittenData;
  readonly bytes?: string | null;
  readonly result: WrittenData | string | null | { readonly error: string };
}

const cases: Case[] = JSON.parse(readFileSync(new URL('./stock.golden.json', import.meta.url), 'utf8'));
const isRefusal = (result: Case['result']) => typeof result === 'object' && result !== null && 'error' in result;
const base64 = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'));

/** What our converter answers, in the words of the table. */
async function answer({ class: name, config: given, from, bytes }: Case): Promise<unknown> {
  try {
    const plugin = catalogue.find((each) => each.aliases?.includes(name) === true);
    assert.ok(plugin?.type === 'converter' || plugin?.type === 'header_converter', `There is no ${name}.`);
    const { config, problems } = parseConfig(plugin.config, given);
    if (problems.length > 0) return 'refused';
    const binary = bytes == null ? null : Buffer.from(bytes, 'base64');
    if (plugin.type === 'header_converter') {
      const converter = await plugin.create();
      converter.configure(config);
      if (from === undefined) return writeData(converter.toConnectHeader('topic', 'header', binary));
      return base64(converter.fromConnectHeader('topic', { key: 'header', ...readData(from) }));
    }
    const converter = await plugin.create();
    converter.configure(config, { isKey: false });
    if (from === undefined) return writeData(await converter.toConnectData('topic', binary));
    const { schema, value } = readData(from);
    return base64(await converter.fromConnectData('topic', schema, value));
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return 'refused';
  }
}

/** JSON may be written with other spaces and digits; what it says must be the same. */
function comparable(each: Case, result: unknown): unknown {
  if (typeof result !== 'string' || !each.class.endsWith('JsonConverter') || each.from === undefined) return result;
  const text = Buffer.from(result, 'base64').toString();
  if (text === 'null') return text;
  try {
    return JSON.parse(text, (_, value, context?: { source?: string }) =>
      typeof value === 'number' && context?.source !== undefined && /^-?\d{16,}$/.test(context.source)
        ? context.source
        : value,
    );
  } catch {
    return text;
  }
}

describe('the stock converters answer as Kafka Connect’s', () => {
  const met = new Set<KnownDifference>();
  for (const each of cases) {
    test(each.name, async () => {
      const wanted = comparable(each, isRefusal(each.result) ? 'refused' : each.result);
      const ours = comparable(each, await answer(each));
      const difference = knownDifferences.find(({ cases: names }) => names.test(each.name));
      if (difference === undefined) assert.deepEqual(ours, wanted);
      else {
        met.add(difference);
        assert.notDeepEqual(ours, wanted, `"${difference.why}" is no difference any more. Remove it.`);
      }
    });
  }

  test('every known difference is one', () => {
    assert.deepEqual(
      knownDifferences.filter((each) => !met.has(each)).map(({ why }) => why),
      [],
    );
  });
});
