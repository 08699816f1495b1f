/**
 * Our sink as a player of scenarios (jdbc-sink-player.ts): JSON envelopes through our converter, puts as the worker makes them.
 */
import {
  type Converter,
  parseConfig,
  type SchemaAndValue,
  type SinkRecord,
  type Transform,
  type TransformPlugin,
} from '../../connectors/api/index.ts';
import { jsonPlugin } from '../../connectors/converters/json.ts';
import { sinkRecord, startSink } from '../../connectors/postgres/sink/sink-harness.ts';
import { transformPlugins } from '../../connectors/transforms/plugins.ts';
import type { PutOutcome, StartSink } from './jdbc-sink-player.ts';
import { CONFLUENT_SINK, type PlayedRecord } from './jdbc-sink-records.ts';

const { config } = parseConfig(jsonPlugin.config, { 'schemas.enable': 'true' });
const converter = jsonPlugin.create() as Converter;
converter.configure(config, { isKey: false });

function read(topic: string, text: string | null): SchemaAndValue {
  return converter.toConnectData(topic, text === null ? null : Buffer.from(text)) as SchemaAndValue;
}

function sinkRecordOf({ topic, offset, key, value, headers }: PlayedRecord): SinkRecord {
  const [k, v] = [read(topic, key), read(topic, value)];
  return sinkRecord({
    topic,
    offset,
    keySchema: k.schema,
    key: k.value,
    valueSchema: v.schema,
    value: v.value,
    headers: headers.map((header) => ({ key: header.key, ...read(topic, header.value) })),
    timestamp: 1_700_000_000_000,
  });
}

/** The transforms of a config, as the worker makes them; what is left are keys of the sink. */
function transformsOf(config: Readonly<Record<string, string>>) {
  const { transforms: names = '', ...rest } = config;
  const own = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith('transforms.')));
  const made = names
    .split(',')
    .filter(Boolean)
    .map((name) => {
      const prefix = `transforms.${name}.`;
      const keys = Object.entries(rest).flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
      );
      const { type, ...given } = Object.fromEntries(keys);
      const plugin = transformPlugins.find(
        (each): each is TransformPlugin => each.type === 'transformation' && each.aliases?.includes(type!) === true,
      )!;
      const { config: parsed, problems } = parseConfig(plugin.config, given);
      if (problems.length > 0) throw new Error(problems[0]!.message);
      const transform = plugin.create() as Transform;
      transform.configure(parsed);
      return transform;
    });
  const apply = (record: SinkRecord) => made.reduce((each, transform) => transform.apply(each) as SinkRecord, record);
  return { own, apply };
}

const outcomeOf = (error: unknown, bad: readonly number[]): PutOutcome => {
  return { error: error === null ? null : (error as Error).message, bad };
};

/** Ours, under the class name of the scenario; hands bad records to the error policy as the worker does. */
export const startOurs: StartSink = async (given, tolerates) => {
  const { 'connector.class': name, topics, ...keys } = given;
  const dialect = name === CONFLUENT_SINK ? 'confluent' : 'debezium';
  const partitions = topics!.split(',').map((topic) => ({ topic, partition: 0 }));
  const none = { put: async () => outcomeOf(null, []), stop: async () => {} };
  const start = async () => {
    const { own, apply } = transformsOf(keys);
    return { ...(await startSink(own, partitions, dialect, tolerates)), apply };
  };
  const running = await start().catch((error: Error) => error);
  if (running instanceof Error) return { sink: none, outcome: outcomeOf(running, []) };
  const bad: number[] = [];
  /** As the worker does: a refused batch is halved until the bad record stands alone. */
  const deliver = async (records: readonly SinkRecord[]): Promise<void> => {
    try {
      await running.task.put(records);
    } catch (error) {
      if (!tolerates || (error as Error).name !== 'DataError') throw error;
      if (records.length === 1) return void bad.push(records[0]!.offset);
      await deliver(records.slice(0, records.length >> 1));
      await deliver(records.slice(records.length >> 1));
    }
  };
  const put = async (records: readonly PlayedRecord[]): Promise<PutOutcome> => {
    bad.length = 0;
    const error = await deliver(records.map(sinkRecordOf).map(running.apply)).then(
      () => null,
      (failure: Error) => failure,
    );
    return outcomeOf(error, [...bad]);
  };
  return { sink: { put, stop: () => running.stop() }, outcome: outcomeOf(null, []) };
};
