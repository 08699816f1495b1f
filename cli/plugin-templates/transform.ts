/** A new transform: puts a text in front of a field. */

export function transformFiles(_: string, className: string): Record<string, string> {
  return { 'index.ts': index(className), 'index.test.ts': test(className) };
}

const index = (className: string) => `// ${className}: a transform that puts a text in front of one field of the value.
import { type Config, type ConfigDef, type ConnectRecord, DataError, isFields, JsonText, plainValue, type Plugin, type Transform } from 'millrace';

// One declaration: type, default, bounds, documentation, README table, JSON Schema.
const config = {
  field: { type: 'string', doc: 'The field to change.', importance: 'high' },
  prefix: { type: 'string', default: '>', doc: 'The text that comes in front.' },
} as const satisfies ConfigDef;

// Pure: never changes a record in place, never waits, remembers nothing of earlier records.
class ${className} implements Transform {
  #field = '';
  #prefix = '';

  configure(given: Config): void {
    this.#field = given.string('field');
    this.#prefix = given.string('prefix');
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = plainValue(record.value);
    if (value === null) return record;
    // A DataError sends this record to the dead letters, and the next one is worked on.
    if (!isFields(value)) throw new DataError('${className} changes fields, and this value has none.');
    const changed = { ...value, [this.#field]: this.#prefix + String(value[this.#field] ?? '') };
    return { ...record, value: record.value instanceof JsonText ? JsonText.of(changed) : changed };
  }
}

export const plugins: Plugin[] = [
  { type: 'transformation', class: '${className}', version: '0.1.0', config, create: () => new ${className}() },
];
`;

const test = (className: string) => `// What it makes of records: the usual one, a tombstone, one that it cannot change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnectRecord, DataError, parseConfig, type RecordValue, type TransformPlugin } from 'millrace';
import { examineReadme } from 'millrace/testing';
import { plugins } from './index.ts';

const [plugin] = plugins as [TransformPlugin];

async function applied(value: RecordValue): Promise<RecordValue> {
  const transform = await plugin.create();
  transform.configure(parseConfig(plugin.config, { field: 'name' }).config);
  const record: ConnectRecord = {
    topic: 'people',
    partition: null,
    keySchema: null,
    key: null,
    valueSchema: null,
    value,
    headers: [],
    timestamp: null,
  };
  return transform.apply(record)?.value ?? null;
}

test('${className} changes the field and leaves the others', async () => {
  assert.deepEqual(await applied({ id: 1, name: 'Ada' }), { id: 1, name: '>Ada' });
});

test('${className} leaves tombstones alone and refuses what has no fields', async () => {
  assert.equal(await applied(null), null);
  await assert.rejects(applied('text'), DataError);
});

// MILLRACE_WRITE=1 millrace plugin test renews the table.
examineReadme(new URL('./README.md', import.meta.url), plugins);
`;
