/**
 * Tests of a connector's config, as data beside it: records in, records out, through transforms and converters, with no
 * server anywhere.
 *
 * For a source the input is what it would read and the output what a reader of the topic gets; for a sink the input is
 * what stands in the topic and the output what the sink is given.
 */
import { ConfigError, type ConnectRecord, JsonText, type Schema } from '../../connectors/api/index.ts';
import type { ConsumerRecord } from '../log/client.ts';
import type { ConnectorPlan } from '../worker/plan.ts';
import { ChainTrace, type ShownRecord, shownRecord, type Trace } from './chain-trace.ts';
import { lineDiff } from './line-diff.ts';
import { OfflineRegistry } from './offline-registry.ts';

/** A record as a test writes it; what is left out is not compared, or takes a default. */
export interface TestRecord {
  readonly topic?: string;
  readonly partition?: number | null;
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: readonly { readonly key: string; readonly value: unknown }[];
  readonly timestamp?: number | null;
  /** Connect schemas, for sources that give them. */
  readonly keySchema?: Schema;
  readonly valueSchema?: Schema;
  /** Of an output: the record fails, with a message that contains this. */
  readonly error?: string;
}

export interface ConfigTest {
  readonly name: string;
  readonly input: readonly TestRecord[];
  readonly output: readonly TestRecord[];
}

export interface TestResult {
  readonly name: string;
  readonly passed: boolean;
  /** Expected and actual side by side; empty when it passed. */
  readonly diff: string;
  /** What came, as `output` would be written. */
  readonly actual: readonly TestRecord[];
}

/** Reads a test file's text. Throws ConfigError with a sentence. */
export function parseTests(text: string): ConfigTest[] {
  let file: { tests?: unknown };
  try {
    file = JSON.parse(text) as typeof file;
  } catch (cause) {
    throw new ConfigError(`It is no JSON: ${(cause as Error).message}.`);
  }
  if (!Array.isArray(file?.tests)) throw new ConfigError('It has no list "tests" of {name, input, output}.');
  return (file.tests as Partial<ConfigTest>[]).map((test, index) => {
    const name = typeof test?.name === 'string' ? test.name : `test ${index + 1}`;
    if (!Array.isArray(test?.input)) throw new ConfigError(`"${name}" has no list "input" of records.`);
    return { name, input: test.input, output: test.output ?? [] };
  });
}

/** Runs one test on chains of its own. Rejects only when the chain itself cannot be made. */
export async function runTest(plan: ConnectorPlan, test: ConfigTest): Promise<TestResult> {
  const chain = await ChainTrace.create(plan, new OfflineRegistry(null));
  try {
    const actual: TestRecord[] = [];
    for (const [index, record] of test.input.entries()) {
      const outcome =
        plan.plugin.type === 'source' ? await source(chain, plan, record) : await sink(chain, plan, record, index);
      if (outcome !== null) actual.push(outcome);
    }
    return { name: test.name, actual, ...compared(test.output, actual) };
  } finally {
    chain.close();
  }
}

async function source(chain: ChainTrace, plan: ConnectorPlan, record: TestRecord): Promise<TestRecord | null> {
  const topic = record.topic ?? plan.config.raw.topic ?? 'test';
  const trace = await chain.source({ ...connectRecord(record, topic), sourcePartition: {}, sourceOffset: {} });
  return outcomeOf(trace, trace.read);
}

async function sink(
  chain: ChainTrace,
  plan: ConnectorPlan,
  record: TestRecord,
  index: number,
): Promise<TestRecord | null> {
  const topic = record.topic ?? plan.settings.list('topics')[0] ?? 'test';
  const encoded = await chain.encode(connectRecord(record, topic));
  const raw = (given: unknown, written: Uint8Array | null) => bytesOf(given) ?? written;
  const read = {
    topic,
    partition: record.partition ?? 0,
    offset: index,
    timestamp: record.timestamp ?? 0,
    key: raw(record.key, encoded.key),
    value: raw(record.value, encoded.value),
    headers: encoded.headers,
  } as ConsumerRecord;
  const trace = await chain.sink(read);
  return outcomeOf(trace, trace.record === null ? null : shownRecord(trace.record));
}

function outcomeOf(trace: Trace, shown: ShownRecord | null): TestRecord | null {
  if (trace.outcome === 'dropped') return null;
  if (shown === null) return { error: `${trace.error?.stage}: ${trace.error?.message}` };
  const { topic, partition, key, value, headers, timestamp } = shown;
  return { topic, partition, key, value, headers, timestamp };
}

/** Objects travel as JSON text, as most sources hand them over; with a schema they are what it says. */
function connectRecord(record: TestRecord, topic: string): ConnectRecord {
  const side = (value: unknown, schema: Schema | undefined) =>
    bytesOf(value, false) ??
    (typeof value === 'object' && value !== null && schema === undefined
      ? new JsonText(Buffer.from(JSON.stringify(value)))
      : (value ?? null));
  return {
    topic,
    partition: record.partition ?? null,
    keySchema: record.keySchema ?? null,
    key: side(record.key, record.keySchema) as ConnectRecord['key'],
    valueSchema: record.valueSchema ?? null,
    value: side(record.value, record.valueSchema) as ConnectRecord['value'],
    headers: (record.headers ?? []).map(({ key, value }) => ({ key, value: value as string, schema: null })),
    timestamp: record.timestamp ?? null,
  };
}

/** Bytes that the test writes as they stand: base64, or (in a topic) text. */
function bytesOf(value: unknown, isText = true): Uint8Array | null {
  if (typeof value === 'string' && isText) return Buffer.from(value);
  const base64 = (value as { base64?: unknown } | null | undefined)?.base64;
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : null;
}

function compared(expected: readonly TestRecord[], actual: readonly TestRecord[]): { passed: boolean; diff: string } {
  const wanted = expected.map(sorted);
  // Members that the test leaves out are not compared; records it does not expect are shown whole.
  const came = actual.map((record, index) => {
    const want = expected[index];
    if (want === undefined) return sorted(record);
    if (want.error !== undefined && record.error?.includes(want.error)) return sorted(want);
    if (record.error !== undefined) return { error: record.error };
    const members = Object.keys(want).filter((name) => name in record);
    return sorted(Object.fromEntries(members.map((name) => [name, record[name as keyof TestRecord]])));
  });
  const [left, right] = [JSON.stringify(wanted, null, 2), JSON.stringify(came, null, 2)];
  return left === right ? { passed: true, diff: '' } : { passed: false, diff: lineDiff(left, right) };
}

/** The same with members in one order, at every depth, so that order is no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
