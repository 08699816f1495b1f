/**
 * Our source under Debezium's class name, as a recorder of the differential test and its fuzzer: what the JSON converter makes of
 * every record, payload and schema apart.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type Converter, JsonText, parseConfig, type RecordValue, type Schema } from '../../connectors/api/index.ts';
import { jsonPlugin } from '../../connectors/converters/json.ts';
import { debeziumDefaults } from '../../connectors/postgres/source/config/source-defaults.ts';
import { startSource } from '../../connectors/postgres/source/source-harness.ts';
import type { RecordedRecord, Recorder } from './debezium-player.ts';

function jsonConverter(withSchemas: boolean) {
  const converter = jsonPlugin.create() as Converter;
  const { config } = parseConfig(jsonPlugin.config, { 'schemas.enable': String(withSchemas) });
  converter.configure(config, { isKey: false });
  return converter;
}

const payloads = jsonConverter(false);
const envelopes = jsonConverter(true);
const NULL = new JsonText(Buffer.from('null'));

function payloadOf(schema: Schema | null, value: RecordValue): string | null {
  const bytes = payloads.fromConnectData('', schema, value) as Uint8Array | null;
  return bytes === null ? null : Buffer.from(bytes).toString();
}

/** The schema's JSON, cut out of the envelope of a null. */
function schemaOf(schema: Schema | null): string | null {
  if (schema === null) return null;
  const text = Buffer.from(envelopes.fromConnectData('', schema, NULL) as Uint8Array).toString();
  return text.slice('{"schema":'.length, text.lastIndexOf(',"payload":'));
}

/** Starts it; whoever plays a scenario stops it. */
export async function startOurs(config: Readonly<Record<string, string>>): Promise<Recorder> {
  const { 'poll.interval.ms': _, ...known } = config;
  const source = await startSource({ config: known, defaults: debeziumDefaults });
  const records: RecordedRecord[] = [];
  let isStopped = false;
  let failure: string | null = null;
  const loop = (async () => {
    while (!isStopped) {
      await turn(); // Polls that answer at once would keep timers waiting.
      for (const record of await source.poll()) {
        records.push({
          topic: record.topic,
          key: payloadOf(record.keySchema, record.key),
          keySchema: schemaOf(record.keySchema),
          value: payloadOf(record.valueSchema, record.value),
          valueSchema: schemaOf(record.valueSchema),
          headers: record.headers.map(({ key, schema, value }) => ({
            name: key,
            value: payloadOf(schema, value),
            valueSchema: schemaOf(schema),
          })),
        });
      }
    }
  })().catch((error: Error) => {
    failure = error.message;
  });
  return {
    records,
    failure: () => failure,
    async stop() {
      isStopped = true;
      await source.stop();
      await loop;
    },
  };
}
