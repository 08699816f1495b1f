/**
 * Change events for the golden file of CloudEvents: those that Debezium answered to some scenarios, with clocks and positions put back
 * in place of the zeros they were recorded with. For the script that records and the test that reads.
 */
import { readFileSync } from 'node:fs';
import { readGolden } from './debezium-golden.ts';

export interface CloudEventInput {
  /** The converter's, as keys behind `value.converter.`. */
  readonly config: Readonly<Record<string, string>>;
  readonly topic: string;
  /** JSON texts. */
  readonly schema: string;
  readonly payload: string;
}

export const goldenCloudEvents = new URL('../golden/cloud-events.jsonl', import.meta.url);

const SCENARIOS = ['changes', 'truncate', 'transaction-metadata', 'numbers', 'texts', 'logical-messages'];
const CONFIGS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'json.schemas.enable': 'false' },
  { 'json.schemas.enable': 'false', 'extension.attributes.enable': 'false', 'json.decimal.format': 'NUMERIC' },
];

/** Of each scenario: their schemas are long. */
const RECORDS_MAX = 3;

/** In the order of the golden file's lines. */
export function cloudEventInputs(): CloudEventInput[] {
  return SCENARIOS.flatMap((scenario) => {
    const records = readGolden(scenario).filter(({ value }) => value !== null);
    return records.slice(0, RECORDS_MAX).flatMap(({ topic, value, valueSchema }, index) => {
      const payload = value!
        .replace(/"ts_ms":0/g, `"ts_ms":${1_732_241_234_560 + index}`)
        .replace(/"(lsn|txId)":0/g, `"$1":${24_023_128 + index}`);
      return CONFIGS.map((config) => ({ config, topic, schema: valueSchema!, payload }));
    });
  });
}

/** What Debezium's converter made of them; null where it made nothing, undefined where it refused. */
export function recordedCloudEvents(): (string | null | undefined)[] {
  const lines = readFileSync(goldenCloudEvents, 'utf8').trimEnd().split('\n');
  return lines.map((line) => (line === 'null' ? null : line.startsWith('{"failure"') ? undefined : line));
}
