/** Exactly-once sources on the in-memory log: what is in a transaction, what a failure in each place of it does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../../connectors/api/index.ts';
import { LogError } from '../log/client.ts';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, range, type SteeredSource, steeredSource } from './harness.ts';

const config = (more: Record<string, string> = {}) => ({ 'connector.class': 'SteeredSource', ...more });
const deadLetters = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };
const away = () => new LogError('NOT_ENOUGH_REPLICAS', 'The log is away.', { retriable: true });
const exact = () =>
  steeredSource({ exactlyOnceSupport: () => 'supported', canDefineTransactionBoundaries: () => true });
const commits = (source: SteeredSource) => source.calls.filter((call) => call === 'commit').length;

/** Each poll waits for the commit of the one before; else polls that come quickly share a transaction. */
function onePollATime(source: SteeredSource): void {
  let polls = 0;
  source.onPoll = async () => {
    const before = Math.min(polls++, Math.ceil(source.values.length / source.batchSize));
    await eventually(() => assert.ok(commits(source) >= before));
  };
}

test('records and their offsets are one transaction per poll, and the task hears of it after its commit', async (t) => {
  const source = exact();
  source.values.push(...range(25));
  onePollATime(source);
  const seen: string[] = [];
  const log = new MemoryLog({
    beforeAppend: (records) => void seen.push([...new Set(records.map(({ topic }) => topic))].join('+')),
    beforeCommit: (id) => void seen.push(`commit ${id}, ${source.calls.length} calls before`),
  });
  const { create, values, running } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.deepEqual(values('out'), range(25)));
  await eventually(() => assert.equal(commits(source), 3));
  const own = seen.filter((each) => each.startsWith('out') || each.startsWith('commit'));
  assert.deepEqual(own, [
    'out+connect-offsets',
    'commit millrace-s-0, 0 calls before',
    'out+connect-offsets',
    'commit millrace-s-0, 11 calls before',
    'out+connect-offsets',
    'commit millrace-s-0, 22 calls before',
  ]);
  assert.deepEqual(await running.worker.offsets.list('s'), [{ partition: { list: 'values' }, offset: { next: 25 } }]);
  assert.equal(running.worker.ledger('s', 0)?.written, 25);
});

test('what an append or a commit that fails had written is never read, and nothing is read twice', async (t) => {
  const source = exact();
  source.values.push(...range(40));
  let appends = 0;
  let ends = 0;
  const log = new MemoryLog({
    beforeAppend: ([record]) => {
      if (record?.topic === 'out' && ++appends % 3 === 2) throw away();
    },
    beforeCommit: () => {
      // The outcome of such a commit is not known, so the task starts anew and looks.
      if (++ends === 2) throw away();
    },
  });
  const { create, values, running } = await harness(t, [source.plugin], { log });
  await create('s', config({ 'errors.retry.delay.max.ms': '10', 'restart.backoff.ms': '10' }));
  await eventually(() => assert.deepEqual(values('out'), range(40)));
  assert.ok(log.records({ topic: 'out', partition: 0 }).length > 40, 'something was written and taken back');
  assert.equal(source.started.length, 2);
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.mismatch, 0));
});

test('a worker that goes away in the middle of a transaction delivers its records once', async (t) => {
  const source = exact();
  source.values.push(...range(30));
  let isHanging = true;
  const log = new MemoryLog({
    beforeCommit: () => {
      if (isHanging && source.calls.length > 0) return new Promise<void>(() => {});
      return undefined;
    },
  });
  const first = await harness(t, [source.plugin], { log });
  await first.create('s', config());
  await eventually(() => assert.ok(log.records({ topic: 'out', partition: 0 }).length > 10));
  await first.running.stop();
  isHanging = false;
  await first.restart();
  await eventually(() => assert.deepEqual(first.values('out'), range(30)));
  assert.deepEqual(source.started, [0, 10]);
});

test('a task that is cut off but not dead is fenced by the next, and cannot append', async (t) => {
  const source = exact();
  source.values.push(...range(10));
  const { create, log, running, values } = await harness(t, [source.plugin]);
  await create('s', config());
  await eventually(() => assert.equal(values('out').length, 10));
  const zombie = await log.transactionalProducer({ clientId: 'zombie', transactionalId: 'millrace-s-0' });
  const status = () => running.worker.status('s').tasks[0];
  source.values.push('late');
  await eventually(() => assert.equal(status()?.state, 'FAILED'));
  assert.match(status()?.trace ?? '', /Another producer has taken "millrace-s-0" over/);
  running.worker.restartTask('s', 0);
  await eventually(() => assert.deepEqual(values('out'), [...range(10), 'late']));
  await assert.rejects(zombie.send([]), { code: 'PRODUCER_FENCED' });
});

test('fewer tasks than before: those that are gone are fenced before the new ones start', async (t) => {
  const source = exact();
  const { create, log, running } = await harness(t, [source.plugin]);
  await create('s', config({ 'tasks.max': '3' }));
  await eventually(() => assert.equal(source.started.length, 3));
  const zombie = await log.transactionalProducer({ clientId: 'zombie', transactionalId: 'millrace-s-2' });
  await running.worker.put('s', config({ 'tasks.max': '1', name: 's' }));
  await running.worker.settled('s');
  await assert.rejects(zombie.send([]), { code: 'PRODUCER_FENCED' });
  const counts = log
    .committed({ topic: 'connect-configs', partition: 0 })
    .filter(({ key }) => key?.toString() === 'tasks-fencing-s')
    .map(({ value }) => value?.toString());
  assert.deepEqual(counts, ['{"task-count":3}', '{"task-count":1}']);
});

test('a dead letter is in the transaction of its record, and a refused record costs its neighbours nothing', async (t) => {
  const source = exact();
  source.values.push('a', 'bad one', 'huge', 'b', 'c');
  let fails = true;
  const log = new MemoryLog({
    beforeAppend: (records) => {
      if (!records.some(({ topic, value }) => topic === 'out' && value?.toString() === 'huge')) return;
      throw new LogError('RECORD_TOO_LARGE', 'The record is too large.', { retriable: false });
    },
    beforeCommit: () => {
      if (!fails) return;
      fails = false;
      throw away();
    },
  });
  const { create, values, running } = await harness(t, [source.plugin], { log });
  await create('s', config({ ...deadLetters, 'restart.backoff.ms': '10' }));
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b', 'c']));
  assert.deepEqual(values('dead').sort(), ['bad one', 'huge']);
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.mismatch, 0));
  // The first run wrote and lost its commit: only what was committed counts as done.
  const { written, deadLettered, released } = running.worker.ledger('s', 0)!;
  assert.deepEqual({ written, deadLettered, released }, { written: 3, deadLettered: 2, released: 5 });
});

test('a record that is too large for the dead letter topic, too, is there without its value, which a header tells', async (t) => {
  const source = exact();
  source.values.push('a', 'huge', 'b');
  const log = new MemoryLog({
    beforeAppend: (records) => {
      if (!records.some(({ value }) => value?.toString() === 'huge')) return;
      throw new LogError('MESSAGE_TOO_LARGE', 'The record is too large.', { retriable: false });
    },
  });
  const { create, values } = await harness(t, [source.plugin], { log });
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b']));
  const dead = () => log.committed({ topic: 'dead', partition: 0 });
  await eventually(() => assert.equal(dead().length, 1));
  const [letter] = dead();
  assert.equal(letter!.value, null);
  const told = letter!.headers.find(({ key }) => key === 'millrace.omitted.value.bytes');
  assert.equal(Buffer.from(told!.value!).toString(), '4');
});

test('bad input that never was a record is dead-lettered in the transaction of its poll', async (t) => {
  const source = exact();
  let reported = false;
  source.onPoll = async (context) => {
    if (reported) return;
    reported = true;
    const error = new DataError('too few columns');
    await context.reportBadInput({ error, source: { file: 'a.csv', line: 3 }, bytes: Buffer.from('x;y') });
  };
  const { create, values } = await harness(t, [source.plugin]);
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(values('dead'), ['x;y']));
});

test('who acknowledges bad input upstream hears of it after the commit that holds its dead letter, not before', async (t) => {
  const source = exact();
  source.values.push('good');
  const seen: string[] = [];
  let isReported = false;
  source.onPoll = async (context) => {
    if (isReported) return;
    isReported = true;
    const error = new DataError('too few columns');
    const onDurable = () => void seen.push('durable');
    await context.reportBadInput({ error, source: { line: 3 }, bytes: Buffer.from('x;y'), onDurable });
    seen.push('handed over');
  };
  const log = new MemoryLog({
    beforeAppend: (records) => void (records.some(({ topic }) => topic === 'dead') && seen.push('append')),
    beforeCommit: () => void seen.push('commit'),
  });
  const { create, values } = await harness(t, [source.plugin], { log });
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(values('dead'), ['x;y']));
  await eventually(() => assert.ok(seen.includes('durable')));
  const own = seen.slice(seen.indexOf('handed over'));
  assert.ok(own.indexOf('append') < own.indexOf('commit') && own.indexOf('commit') < own.indexOf('durable'), `${own}`);
  assert.equal(own.filter((each) => each === 'durable').length, 1);
});

test('polls that end while a transaction is being written go together into the next', async (t) => {
  const source = exact();
  source.values.push(...range(100));
  const log = new MemoryLog({ beforeCommit: () => new Promise((resolve) => setTimeout(resolve, 50)) });
  const { create, values } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.deepEqual(values('out'), range(100)));
  assert.ok(commits(source) <= 3, `${commits(source)} transactions for ten polls`);
});

test('transaction.boundary=interval gathers polls into one transaction', async (t) => {
  const source = exact();
  source.values.push(...range(100));
  const { create, values } = await harness(t, [source.plugin]);
  await create('s', config({ 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '100' }));
  await eventually(() => assert.deepEqual(values('out'), range(100)));
  assert.ok(commits(source) <= 3, `${commits(source)} transactions for ten polls`);
});

test('transaction.boundary=connector: the task commits and aborts; what it leaves open is read again', async (t) => {
  const source = exact();
  source.values.push('a', 'b', 'END', 'x', 'y', 'ABORT', 'c', 'END', 'open');
  source.onRecords = (records, context) => {
    for (const record of records) {
      if (record.value === 'END') context.transactions!.commitTransaction(record);
      if (record.value === 'ABORT') context.transactions!.abortTransaction(record);
    }
  };
  const { create, values, running, restart } = await harness(t, [source.plugin]);
  await create('s', config({ 'transaction.boundary': 'connector' }));
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b', 'END', 'c', 'END']));
  await eventually(async () => {
    assert.deepEqual(await running.worker.offsets.list('s'), [{ partition: { list: 'values' }, offset: { next: 8 } }]);
  });
  assert.equal(running.worker.ledger('s', 0)?.filtered, 3);
  source.values.push('END');
  await restart();
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b', 'END', 'c', 'END', 'open', 'END']));
  assert.deepEqual(source.started, [0, 8]);
});

test('offsets.storage.topic: the offsets are in a topic of their own, shown, altered, and taken over from the old one', async (t) => {
  const source = exact();
  source.values.push(...range(10));
  const { create, log, running, values } = await harness(t, [source.plugin]);
  await create('s', config());
  await eventually(() => assert.equal(values('out').length, 10));
  await running.worker.put('s', config({ name: 's', 'offsets.storage.topic': 'offsets-of-s' }));
  source.values.push('more');
  await eventually(() => assert.deepEqual(values('out'), [...range(10), 'more']));
  assert.deepEqual(source.started, [0, 10]);
  const last = (topic: string) => log.committed({ topic, partition: 0 }).at(-1)?.value?.toString();
  assert.equal(last('offsets-of-s'), '{"next":11}');
  assert.equal(last('connect-offsets'), '{"next":11}');
  await running.worker.setTarget('s', 'STOPPED');
  await running.worker.offsets.reset('s');
  assert.deepEqual(await running.worker.offsets.list('s'), []);
});

const refused: readonly [string, Record<string, string>, RegExp][] = [
  ['required of a connector that does not declare it', { 'exactly.once.support': 'required' }, /does not declare/],
  ['connector boundaries of one that has none', { 'transaction.boundary': 'connector' }, /does not declare/],
];
for (const [what, keys, message] of refused) {
  test(`${what} is refused by name`, async (t) => {
    const { running } = await harness(t, [steeredSource().plugin]);
    await assert.rejects(running.worker.create('s', config(keys)), message);
  });
}

test('a worker whose exactly.once.source.support is not enabled refuses what is required, and runs the rest', async (t) => {
  const source = exact();
  source.values.push('a');
  const { create, running, values, log } = await harness(t, [source.plugin], {
    config: { 'exactly.once.source.support': 'disabled' },
  });
  const required = running.worker.create('r', config({ 'exactly.once.support': 'required' }));
  await assert.rejects(required, /exactly\.once\.source\.support of this worker is not enabled/);
  await create('s', config());
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  const zombie = await log.transactionalProducer({ clientId: 'test', transactionalId: 'millrace-s-0' });
  source.values.push('b');
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b'], 'nobody was fenced: there are no transactions'));
  await zombie.close();
});

for (const [what, refusal] of [
  ['fences its appends', null],
  ['refuses its commit', new LogError('INVALID_TXN_STATE', 'It is over.', { retriable: false })],
] as const) {
  test(`a log that has ended a transaction for its timeout ${what}: the task begins again by itself`, async (t) => {
    const source = exact();
    source.values.push(...range(10));
    let stalls = 1;
    const log: MemoryLog = new MemoryLog({
      beforeCommit: async () => {
        if (log.partitionCount('out') === 0 || stalls-- <= 0) return;
        await new Promise((resolve) => setTimeout(resolve, 60));
        // Whoever comes next has another epoch.
        void log.transactionalProducer({ clientId: 'another', transactionalId: 'millrace-s-0' });
        if (refusal !== null) throw refusal;
      },
    });
    const { create, values, running } = await harness(t, [source.plugin], { log });
    await create('s', config({ 'producer.override.transaction.timeout.ms': '50', 'restart.backoff.ms': '10' }));
    await eventually(() => assert.deepEqual(values('out'), range(10)));
    assert.equal(source.started.length, 2);
    const failures = running.collect().find(({ name }) => name === 'millrace_connect_task_failures')!;
    assert.equal(failures.samples.find(({ labels }) => labels.cause === 'transient')?.value, 1);
  });
}

for (const what of ['alter', 'reset'] as const) {
  test(`${what} of a stopped source's offsets first fences tasks that were cut off and may still write`, async (t) => {
    const source = exact();
    source.values.push(...range(10));
    const { create, log, running, values } = await harness(t, [source.plugin]);
    await create('s', config());
    await eventually(() => assert.equal(values('out').length, 10));
    await running.worker.setTarget('s', 'STOPPED');
    const zombie = await log.transactionalProducer({ clientId: 'zombie', transactionalId: 'millrace-s-0' });
    const { offsets } = running.worker;
    if (what === 'alter') await offsets.alter('s', [{ partition: { list: 'values' }, offset: { next: 3 } }]);
    else await offsets.reset('s');
    await assert.rejects(zombie.commit(), { code: 'PRODUCER_FENCED' });
    const expected = what === 'alter' ? [{ partition: { list: 'values' }, offset: { next: 3 } }] : [];
    assert.deepEqual(await offsets.list('s'), expected);
    await running.worker.setTarget('s', 'STARTED');
    await eventually(() => assert.deepEqual(source.started, [0, what === 'alter' ? 3 : 0]));
  });
}

test('offsets are left alone where the zombies cannot be fenced', async (t) => {
  const source = exact();
  source.values.push(...range(10));
  class Deaf extends MemoryLog {
    isDeaf = false;
    override transactionalProducer(options: Parameters<MemoryLog['transactionalProducer']>[0]) {
      if (this.isDeaf) throw away();
      return super.transactionalProducer(options);
    }
  }
  const log = new Deaf();
  const { create, running, values } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.equal(values('out').length, 10));
  await running.worker.setTarget('s', 'STOPPED');
  log.isDeaf = true;
  await assert.rejects(running.worker.offsets.reset('s'), { status: 500, message: /offsets were left alone/ });
  assert.equal((await running.worker.offsets.list('s')).length, 1);
});
