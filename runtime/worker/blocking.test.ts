/**
 * Plugins that hang or fail in any of their calls: they cost their own connector, and nobody else; whoever asks for
 * something is answered; the connector can be deleted, changed and stopped. (Kafka's BlockingConnectorTest has the places.)
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MemoryLog } from '../log/memory.ts';
import { createRestServer } from '../rest/server.ts';
import { eventually, harness, silent } from './harness.ts';
import { type Place, places, scripted } from './scripted.ts';

const config = { 'task.shutdown.graceful.timeout.ms': '100' };
const of = (className: string, more: Record<string, string> = {}) => ({
  'connector.class': className,
  ...(className.includes('Sink') ? { topics: 'out' } : {}),
  ...more,
});

async function house(t: TestContext) {
  const script = scripted();
  t.after(() => script.release());
  const { running, write } = await harness(t, script.plugins, { config });
  await write('out', ['a']);
  const { worker } = running;
  const states = (name: string) => {
    const { connector, tasks } = worker.status(name);
    return [connector.state, ...tasks.map(({ state }) => state)];
  };
  const isRunning = (name: string, tasks = 1) =>
    eventually(() => assert.deepEqual(states(name), Array(tasks + 1).fill('RUNNING')));
  return { script, worker, states, isRunning };
}

for (const className of ['ScriptedSource', 'ScriptedSink']) {
  for (const place of places.filter((each) => each !== 'check')) {
    test(`${className} that hangs in ${place}: others run, and it can be deleted and created again`, async (t) => {
      const { script, worker, isRunning } = await house(t);
      const isBeforeConfig = place === 'create';
      if (isBeforeConfig) script.hang = place;
      await worker.create('stuck', of(className, isBeforeConfig ? {} : { hang: place }));
      await eventually(() => assert.ok(script.calls.some((call) => call.startsWith(place.replace('stop', 'start')))));
      script.hang = null;
      await worker.create('other', of('ScriptedSource'));
      await isRunning('other');
      await worker.remove('stuck');
      assert.deepEqual(worker.names(), ['other']);
      await worker.create('stuck', of(className));
      await isRunning('stuck');
    });
  }

  test(`${className} that hangs in start: another config for it is taken, and works`, async (t) => {
    const { worker, isRunning } = await house(t);
    await worker.create('stuck', of(className, { hang: 'start' }));
    await worker.put('stuck', of(className));
    await isRunning('stuck');
  });

  test(`${className} that hangs in start can be stopped, and says so`, async (t) => {
    const { worker, states } = await house(t);
    await worker.create('stuck', of(className, { hang: 'start' }));
    await worker.setTarget('stuck', 'STOPPED');
    assert.deepEqual(states('stuck'), ['STOPPED']);
  });
}

test('a connector that hangs in its check is answered for in time, with what hung', async (t) => {
  const { script, worker } = await house(t);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const validating = worker.validate('stuck', of('ScriptedSource', { name: 'stuck', hang: 'check' }));
  while (!script.calls.includes('check')) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(15_000);
  const { configs } = await validating;
  t.mock.timers.reset();
  const errors = configs.flatMap(({ value }) => value.errors);
  assert.match(errors.join(), /did not finish within/);
});

const failures: readonly [Place, readonly string[]][] = [
  ['create', ['FAILED']],
  ['start', ['FAILED']],
  ['taskConfigs', ['FAILED']],
  ['task.start', ['RUNNING', 'FAILED']],
  ['task.work', ['RUNNING', 'FAILED']],
];
for (const [place, expected] of failures) {
  test(`a connector that fails in ${place} says so, and can be stopped, changed and resumed`, async (t) => {
    const { script, worker, states, isRunning } = await house(t);
    script.fail = place;
    await worker.create('c', of('ScriptedSource'));
    await eventually(() => assert.deepEqual(states('c'), expected));
    const { connector, tasks } = worker.status('c');
    assert.match(String(connector.trace ?? tasks[0]?.trace), /told to fail/);
    await worker.setTarget('c', 'STOPPED');
    assert.deepEqual(states('c'), ['STOPPED']);
    assert.deepEqual(worker.taskInfos('c'), []);
    script.fail = null;
    await worker.put('c', of('ScriptedSource', { count: '2', 'tasks.max': '2' }));
    assert.deepEqual(states('c'), ['STOPPED']);
    await worker.setTarget('c', 'STARTED');
    await isRunning('c', 2);
  });
}

test('a connector that fails while it is stopped is stopped all the same, and starts again', async (t) => {
  const { script, worker, states, isRunning } = await house(t);
  await worker.create('c', of('ScriptedSource'));
  await isRunning('c');
  for (const place of ['stop', 'task.stop'] as const) {
    script.fail = place;
    await worker.setTarget('c', 'STOPPED');
    assert.deepEqual(states('c'), ['STOPPED']);
    script.fail = null;
    await worker.setTarget('c', 'STARTED');
    await isRunning('c');
  }
});

test('a log that hangs costs a request a minute and a half, not its caller’s patience', async (t) => {
  const script = scripted();
  const { promise: isBack, resolve: comeBack } = Promise.withResolvers<void>();
  t.after(() => comeBack());
  let isAway = false;
  const log = new MemoryLog({ beforeAppend: () => (isAway ? isBack : undefined) });
  const { running } = await harness(t, script.plugins, { log, config });
  const facts = { version: '1', clusterId: 'c', health: () => running.health() };
  const server = createRestServer(running.worker, facts, silent);
  t.after(() => server.close());
  await server.ready();
  isAway = true;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const payload = of('ScriptedSource');
  const answered = server.inject({ method: 'PUT', url: '/connectors/c/config', payload });
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(90_000);
  const { statusCode, body } = await answered;
  t.mock.timers.reset();
  assert.equal(statusCode, 500);
  assert.match(body, /Request timed out: PUT \/connectors\/c\/config did not finish within 90000 ms/);
});
