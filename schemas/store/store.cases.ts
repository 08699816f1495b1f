/** What every keeper of the store port must do; each keeper's test runs these. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SchemaStore, StoreRecord } from './store.ts';

/** `open` gives a store over a place of its own, and another over the same place: a restart. */
export function storeCases(open: () => Promise<{ first: SchemaStore; again: () => SchemaStore }>): void {
  const record = (key: string, value: string | null) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  });
  const collect = (records: StoreRecord[]) => (entry: StoreRecord) => {
    records.push(entry);
  };
  const texts = (records: readonly StoreRecord[]) =>
    records.map(({ key, value }) => `${key}=${value === null ? null : value.toString()}`);

  it('has handed over what was appended when append resolves, in order', async () => {
    const { first } = await open();
    const seen: StoreRecord[] = [];
    await first.open(collect(seen));
    await first.append([record('a', '1'), record('b', '2')]);
    assert.deepEqual(texts(seen), ['a=1', 'b=2']);
    await first.append([record('a', null)]);
    assert.deepEqual(texts(seen), ['a=1', 'b=2', 'a=null']);
    assert.ok(seen[0]!.offset < seen[1]!.offset && seen[1]!.offset < seen[2]!.offset);
    assert.ok(seen.every(({ timestamp }) => timestamp > 0));
    await first.close();
  });

  it('hands over everything kept so far when it is opened again', async () => {
    const { first, again } = await open();
    await first.open(() => {});
    await first.append([record('a', '1')]);
    await first.append([record('b', '2')]);
    await first.close();
    const seen: StoreRecord[] = [];
    const second = again();
    await second.open(collect(seen));
    assert.deepEqual(texts(seen), ['a=1', 'b=2']);
    await second.append([record('c', '3')]);
    await second.catchUp();
    assert.deepEqual(texts(seen), ['a=1', 'b=2', 'c=3']);
    await second.close();
  });
}
