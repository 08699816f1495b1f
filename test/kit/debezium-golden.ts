/**
 * Debezium's recorded answers, one file per scenario: schemas once each, then a record a line that names them by number.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { RecordedRecord } from './debezium-player.ts';

const folder = path.join(import.meta.dirname, '..', 'golden', 'debezium');

const fileOf = (scenario: string) => path.join(folder, `${scenario}.jsonl`);

/** Writes a scenario's answers over those before. */
export function writeGolden(scenario: string, records: readonly RecordedRecord[]): void {
  fs.mkdirSync(folder, { recursive: true });
  const schemas: string[] = [];
  const numberOf = (schema: string | null) => {
    if (schema === null) return null;
    if (!schemas.includes(schema)) schemas.push(schema);
    return schemas.indexOf(schema);
  };
  const lines = records.map((record) =>
    JSON.stringify({
      ...record,
      keySchema: numberOf(record.keySchema),
      valueSchema: numberOf(record.valueSchema),
      headers: record.headers.map((header) => ({ ...header, valueSchema: numberOf(header.valueSchema) })),
    }),
  );
  fs.writeFileSync(fileOf(scenario), [...schemas, '', ...lines, ''].join('\n'));
}

/** A scenario's answers as they were recorded. */
export function readGolden(scenario: string): RecordedRecord[] {
  const [schemas, records] = fs.readFileSync(fileOf(scenario), 'utf8').split('\n\n') as [string, string];
  const texts = schemas.split('\n');
  const textOf = (number: number | null) => (number === null ? null : texts[number]!);
  return records
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const record = JSON.parse(line);
      return {
        ...record,
        keySchema: textOf(record.keySchema),
        valueSchema: textOf(record.valueSchema),
        headers: record.headers.map((header: { valueSchema: number | null }) => ({
          ...header,
          valueSchema: textOf(header.valueSchema),
        })),
      };
    });
}
