/** When large transactions are asked for while they run, and when no more. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig, RetriableError } from '../../../api/index.ts';
import { ServerError } from '../../errors.ts';
import type { Row, WireConnection } from '../../wire/connection.ts';
import { sourceSettings } from '../config/source-config.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { streamParams } from '../config/stream-params.ts';
import { LargeTransactions } from './large-transactions.ts';

const least = { 'topic.prefix': 'shop', 'database.hostname': 'x', 'database.user': 'x', 'database.dbname': 'x' };

function largeTransactions(more: Record<string, string> = {}): LargeTransactions {
  const { config, problems } = parseConfig(sourceConfigDef(ourDefaults), { ...least, ...more });
  assert.deepEqual(problems, []);
  return new LargeTransactions(sourceSettings(config, false), () => {});
}

/** A database that replicates from elsewhere, or not. */
const database = (hasOrigins: boolean, serverVersion = 18) => {
  const query = async (): Promise<Row[]> => [{ any: hasOrigins ? 't' : 'f' }];
  return { query, serverVersion } as unknown as WireConnection;
};

const serverError = (state: string) => new ServerError(new Map(Object.entries({ C: state, M: 'could not map' })));

describe('large transactions', () => {
  test('are streamed unless somebody says no or the database replicates from elsewhere', async () => {
    const params = (text: string) => largeTransactions({ 'slot.stream.params': text });
    assert.equal(await largeTransactions().decide(database(false), 0), true);
    assert.equal(await largeTransactions().decide(database(true), 0), false);
    assert.equal(await params('origin=none').decide(database(true), 0), true);
    const metadata = { 'provide.transaction.metadata': 'true' };
    assert.equal(await largeTransactions(metadata).decide(database(false, 15), 0), true);
    assert.equal(await largeTransactions(metadata).decide(database(false, 14), 0), false);
    assert.equal(await largeTransactions().decide(database(false, 14), 0), true);
    assert.equal(await params('origin=any;streaming=off').decide(database(false), 0), false);
    assert.equal(await params('proto_version=1').decide(database(false), 0), false);
    assert.equal(await params('proto_version=2; streaming=on').decide(database(false), 0), true);
  });

  test('are left to the server where more than 64 MiB wait, because those have ended', async () => {
    assert.equal(await largeTransactions().decide(database(false), 64 * 2 ** 20), true);
    assert.equal(await largeTransactions().decide(database(false), 64 * 2 ** 20 + 1), false);
    const large = largeTransactions();
    assert.equal(await large.decide(database(false), 2 ** 30), false);
    assert.equal(await large.decide(database(false), 0), true);
  });

  test('are left to the server once it stumbled over them, and the error says so', async () => {
    const large = largeTransactions();
    await large.decide(database(false), 0);
    const other = serverError('57P01');
    assert.equal(large.failed(other), other);
    assert.equal(await large.decide(database(false), 0), true);
    const told = large.failed(serverError('XX000'));
    assert.ok(told instanceof RetriableError && told.code === 'PG_STREAMING' && /streaming=off/.test(told.message));
    assert.equal(await large.decide(database(false), 0), false);
    // It fails without, too: that is another matter.
    const again = serverError('XX000');
    assert.equal(large.failed(again), again);
  });

  test('parameters that change what the stream says are refused', () => {
    assert.match(streamParams('streaming=parallel').problem!, /may only hold/);
    assert.match(streamParams('binary=true').problem!, /may only hold/);
    assert.match(streamParams('proto_version=1;streaming=on').problem!, /does not have/);
    assert.deepEqual(streamParams('origin=none;'), { origin: 'none', isStreaming: true, problem: null });
    assert.deepEqual(streamParams(null), { origin: null, isStreaming: true, problem: null });
  });
});
