/**
 * What becomes of tasks when their connector is paused, stopped, changed, restarted or fails: the scenarios of Kafka
 * Connect's own integration tests, on the in-memory log.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, steeredSource } from './harness.ts';
import { scripted } from './scripted.ts';

const quick = { 'task.shutdown.graceful.timeout.ms': '200' };
const of = (more: Record<string, string> = {}) => ({ 'connector.class': 'ScriptedSource', ...more });
const tasks = (count: number, more: Record<string, string> = {}) =>
  of({ count: String(count), 'tasks.max': String(count), ...more });

async function house(t: TestContext, config: Record<string, string> = {}) {
  const script = scripted();
  const inner = await harness(t, script.plugins, { config: { ...quick, ...config } });
  const worker = () => inner.running.worker;
  const states = (name = 'c') => {
    const { connector, tasks: all } = worker().status(name);
    return [connector.state, ...all.map(({ state }) => state)].join(' ');
  };
  return {
    ...inner,
    script,
    states,
    /** Waits for the connector's state, then its tasks'. */
    become: (wanted: string, name = 'c') => eventually(() => assert.equal(states(name), wanted)),
    count: (call: string) => script.calls.filter((each) => each === call).length,
    get worker() {
      return worker();
    },
  };
}

test('the tasks follow tasks.max up and down', async (t) => {
  const { worker, become } = await house(t);
  for (const count of [1, 5, 3]) {
    await worker.put('c', tasks(count));
    await become(['RUNNING', ...Array(count).fill('RUNNING')].join(' '));
    assert.equal(worker.info('c').tasks.length, count);
  }
});

test('every way from one state to another, each asked for twice', async (t) => {
  const { worker, become } = await house(t);
  await worker.create('c', tasks(2));
  const running = 'RUNNING RUNNING RUNNING';
  await become(running);
  for (const [target, wanted] of [
    ['STOPPED', 'STOPPED'],
    ['STARTED', running],
    ['PAUSED', 'PAUSED PAUSED PAUSED'],
    ['STOPPED', 'STOPPED'],
    // Work is dealt out when the connector is to work.
    ['PAUSED', 'PAUSED'],
    ['STARTED', running],
  ] as const) {
    await worker.setTarget('c', target);
    await worker.setTarget('c', target);
    await become(wanted);
    assert.equal(worker.taskInfos('c').length, wanted.split(' ').length - 1);
  }
  await worker.remove('c');
  assert.throws(() => worker.status('c'), /No status found/);
});

for (const state of ['PAUSED', 'STOPPED'] as const) {
  test(`born ${state}: no tasks, whatever restarts, until it is resumed`, async (t) => {
    const home = await house(t);
    await home.worker.create('c', tasks(2), state);
    await home.become(state);
    assert.deepEqual(home.worker.taskInfos('c'), []);
    await home.restart();
    await home.become(state);
    home.worker.restart('c', true, false);
    await home.become(state);
    await home.worker.put('c', tasks(3));
    await home.become(state);
    await home.worker.setTarget('c', 'STARTED');
    await home.become('RUNNING RUNNING RUNNING RUNNING');
  });

  test(`born ${state}, it can be deleted`, async (t) => {
    const { worker, become } = await house(t);
    await worker.create('c', of(), state);
    await become(state);
    await worker.remove('c');
    assert.deepEqual(worker.names(), []);
  });
}

test('paused with tasks, a restarted worker has them, paused', async (t) => {
  const home = await house(t);
  await home.worker.create('c', tasks(2));
  await home.become('RUNNING RUNNING RUNNING');
  await home.worker.setTarget('c', 'PAUSED');
  await home.become('PAUSED PAUSED PAUSED');
  await home.restart();
  await home.become('PAUSED PAUSED PAUSED');
});

test('tasks.max.enforce: too many tasks fail a new connector, may be allowed, and leave those alone that run', async (t) => {
  const { worker, become, count } = await house(t);
  const three = { count: '3', 'tasks.max': '2' };
  await worker.create('c', of(three));
  await become('FAILED');
  assert.match(worker.status('c').connector.trace!, /generated 3 task configs, but tasks\.max is 2/);
  await worker.put('c', of({ ...three, 'tasks.max.enforce': 'false' }));
  await become('RUNNING RUNNING RUNNING RUNNING');
  await worker.put('c', tasks(2, { 'tasks.max.enforce': 'true' }));
  await become('RUNNING RUNNING RUNNING');
  const stops = count('task.stop 0') + count('task.stop 1');
  await worker.put('c', of(three));
  await become('FAILED RUNNING RUNNING');
  worker.restartTask('c', 0);
  worker.restartTask('c', 1);
  await eventually(() => assert.equal(count('task.stop 0') + count('task.stop 1'), stops + 2));
  await become('FAILED RUNNING RUNNING');
});

test('a change that the connector fails at leaves the tasks of before at work; the next one that works replaces them', async (t) => {
  const { worker, become } = await house(t);
  await worker.create('c', tasks(1));
  await become('RUNNING RUNNING');
  for (const fail of ['start', 'taskConfigs']) {
    await worker.put('c', tasks(2, { fail }));
    await become('FAILED RUNNING');
    assert.equal(worker.taskInfos('c').length, 1);
  }
  await worker.put('c', tasks(2));
  await become('RUNNING RUNNING RUNNING');
  assert.deepEqual(
    worker.taskInfos('c').map(({ config }) => config.count),
    ['2', '2'],
  );
});

test('a key that only the runtime reads reaches the tasks too, though the connector hands out the same', async (t) => {
  const source = steeredSource();
  source.values.push('a');
  const { running, create, values } = await harness(t, [source.plugin]);
  await create('c', { 'connector.class': 'SteeredSource' });
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  await running.worker.put('c', {
    'connector.class': 'SteeredSource',
    transforms: 'drop',
    'transforms.drop.type': 'DropSome',
  });
  source.values.push('drop', 'b');
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b']));
});

test('a restart restarts what it was asked to and nothing else (KIP-745)', async (t) => {
  const cases: readonly [what: string, fails: string, includeTasks: boolean, onlyFailed: boolean, calls: string[]][] = [
    ['all run, connector alone', '', false, false, ['start']],
    ['all run, with tasks', '', true, false, ['start', 'task.start 0', 'task.start 1']],
    ['all run, only what failed', '', false, true, []],
    ['all run, only what failed, with tasks', '', true, true, []],
    ['the connector failed, connector alone', 'start', false, false, ['start']],
    ['the connector failed, with tasks', 'start', true, false, ['start']],
    ['the connector failed, only what failed', 'start', true, true, ['start']],
    ['all tasks failed, connector alone', 'task.start', false, false, ['start']],
    ['all tasks failed, only what failed', 'task.start', true, true, ['task.start 0', 'task.start 1']],
    ['all tasks failed, only what failed, without tasks', 'task.start', false, true, []],
    ['all tasks failed, with tasks', 'task.start', true, false, ['start', 'task.start 0', 'task.start 1']],
    ['one task failed, only what failed', 'task.start 1', true, true, ['task.start 1']],
  ];
  for (const [what, fail, includeTasks, onlyFailed, calls] of cases) {
    await t.test(what, async (context) => {
      const { worker, script, states } = await house(context);
      await worker.create('c', tasks(2, fail === '' ? {} : { fail }));
      await eventually(() => assert.match(states(), fail === '' ? /^(RUNNING ?){3}$/ : /FAILED/));
      await worker.settled('c');
      await eventually(() => assert.doesNotMatch(states(), /UNASSIGNED|RESTARTING/));
      script.calls.length = 0;
      worker.restart('c', includeTasks, onlyFailed);
      await worker.settled('c');
      await eventually(() => assert.doesNotMatch(states(), /UNASSIGNED|RESTARTING/));
      const starts = () => script.calls.filter((call) => /^(task\.)?start/.test(call)).sort();
      await eventually(() => assert.deepEqual(starts(), calls));
    });
  }
});

test('a source whose topic does not exist, and may not be created, can be deleted', async (t) => {
  const source = steeredSource();
  source.values.push('a');
  const config = { ...quick, 'topic.creation.enable': 'false' };
  const { running, create, log } = await harness(t, [source.plugin], { config });
  await create('c', { 'connector.class': 'SteeredSource', topic: 'nowhere' });
  await eventually(() => assert.ok(source.started.length > 0));
  await running.worker.remove('c');
  assert.deepEqual(running.worker.names(), []);
  assert.equal(log.partitionCount('nowhere'), 0);
});

test('task configs of a deleted connector are not those of the next of its name, even after compaction', async (t) => {
  const log = new MemoryLog();
  const script = scripted();
  const first = await harness(t, script.plugins, { log, config: quick });
  await first.create('c', tasks(3));
  await first.running.worker.remove('c');
  await first.running.stop();
  // What a compacted topic still holds when its tombstones are gone.
  const compacted = new MemoryLog();
  const topic = 'connect-configs';
  const policy = { 'cleanup.policy': 'compact' };
  await compacted.createTopics([{ topic, partitions: 1, replicationFactor: 1, config: policy }]);
  const last = new Map(log.records({ topic, partition: 0 }).map((each) => [String(each.key), each]));
  const kept = [...last.values()].filter(({ value }) => value !== null);
  await compacted.producer().send(kept);
  const second = await harness(t, script.plugins, { log: compacted, config: quick });
  await second.running.worker.create('c', tasks(2), 'STOPPED');
  assert.deepEqual(second.running.worker.taskInfos('c'), []);
  await second.running.worker.setTarget('c', 'STARTED');
  await eventually(() => assert.equal(second.running.worker.taskInfos('c').length, 2));
});
