import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryMetadata } from '../../test/kit/metadata-store.ts';
import { type QuotaEntity, Quotas, throttleMsMax } from './quotas.ts';

const windowSeconds = 10;

async function quotas(...limits: readonly (readonly [QuotaEntity, number])[]) {
  const kept = new Quotas(memoryMetadata(), { windowSeconds });
  await kept.change(limits.map(([entity, limit]) => ({ entity, values: { producer_byte_rate: limit } })));
  return kept;
}

describe('a quota', () => {
  it('lets bursts pass as long as the average over the windows is kept', async () => {
    const kept = await quotas([{ user: 'alice' }, 100]);
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 1000, 0), 0);
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 100, 0), 1000);
    // After two seconds 200 of it is paid off.
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 100, 2000), 0);
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 50, 2000), 500);
  });

  it('never silences anybody for longer than a session can bear, nor forever', async () => {
    const kept = await quotas([{ user: 'alice' }, 1]);
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 1e9, 0), throttleMsMax);
    assert.ok(throttleMsMax < 6000, 'below the shortest session timeout');
    assert.equal(kept.record('producer_byte_rate', 'alice', '', 0, 10 * windowSeconds * 1000), 0);
  });

  it('holds a client to its rate over time', async () => {
    const kept = await quotas([{ user: 'alice' }, 1000]);
    let nowMs = 0;
    let bytes = 0;
    while (nowMs < 120_000) {
      bytes += 500;
      nowMs += 10 + kept.record('producer_byte_rate', 'alice', '', 500, nowMs);
    }
    const perSecond = bytes / (nowMs / 1000);
    assert.ok(perSecond > 950 && perSecond < 1100, `${perSecond} bytes a second`);
  });

  it('is chosen by Kafka’s order, the most specific first', async () => {
    const order: QuotaEntity[] = [
      { user: 'u', clientId: 'c' },
      { user: 'u', clientId: null },
      { user: 'u' },
      { user: null, clientId: 'c' },
      { user: null, clientId: null },
      { user: null },
      { clientId: 'c' },
      { clientId: null },
    ];
    for (let first = 0; first < order.length; first++) {
      const kept = new Quotas(memoryMetadata(), { windowSeconds: 1 });
      await kept.change(
        order.slice(first).map((entity, i) => ({ entity, values: { consumer_byte_rate: 10 ** (i + 1) } })),
      );
      assert.equal(kept.fetchBytesMax('u', 'c', 0), 10, JSON.stringify(order[first]));
    }
  });

  it('of a user is shared by its clients; one of a client id by its users', async () => {
    const byUser = await quotas([{ user: 'u' }, 100]);
    byUser.record('producer_byte_rate', 'u', 'one', 1000, 0);
    assert.equal(byUser.record('producer_byte_rate', 'u', 'two', 100, 0), 1000);
    assert.equal(byUser.record('producer_byte_rate', 'v', 'two', 100, 0), 0);
    const byClient = await quotas([{ clientId: 'c' }, 100]);
    byClient.record('producer_byte_rate', 'u', 'c', 1000, 0);
    assert.equal(byClient.record('producer_byte_rate', 'v', 'c', 100, 0), 1000);
    const byDefault = await quotas([{ clientId: null }, 100]);
    byDefault.record('producer_byte_rate', 'u', 'one', 1000, 0);
    assert.equal(byDefault.record('producer_byte_rate', 'u', 'two', 100, 0), 0);
  });

  it('of time is a percentage of a second', async () => {
    const kept = new Quotas(memoryMetadata(), { windowSeconds });
    await kept.change([{ entity: { user: null }, values: { request_percentage: 10 } }]);
    assert.equal(kept.record('request_percentage', 'u', '', 1000, 0), 0);
    assert.equal(kept.record('request_percentage', 'u', '', 100, 0), 1000);
  });

  it('is there again after a restart, and gone when it is taken away', async () => {
    const store = memoryMetadata();
    const kept = new Quotas(store, { windowSeconds });
    const entity = { user: 'u', clientId: null };
    await kept.change([{ entity, values: { producer_byte_rate: 5, consumer_byte_rate: 6 } }]);
    await kept.change([{ entity, values: { producer_byte_rate: null } }]);
    assert.deepEqual(new Quotas(store.restarted(), { windowSeconds }).all(), [
      { entity, values: { consumer_byte_rate: 6 } },
    ]);
    await kept.change([{ entity, values: { consumer_byte_rate: null } }]);
    assert.equal(kept.isEmpty, true);
    assert.equal(new Quotas(store.restarted(), { windowSeconds }).isEmpty, true);
  });
});
