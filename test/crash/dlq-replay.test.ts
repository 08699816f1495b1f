/**
 * kill -9 in the middle of `millrace dlq replay`: records and marks are one transaction, so a letter is back and resolved,
 * or neither. Killed after ever longer waits until it gets through, so that every part of its life is hit.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Millrace, startMillrace } from '../kit/millrace.ts';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'millrace');
let house: Millrace;

before(async () => {
  house = await startMillrace();
});
after(() => house.remove());

const env = () => ({ ...process.env, MILLRACE_BROKERS: house.kafka, MILLRACE_CONNECT: house.connect });

function ok(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(launcher, [...args], { input, env: env(), timeout: 60_000 });
  assert.equal(status, 0, `millrace ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

const json = (args: readonly string[]) => JSON.parse(ok([...args, '-O', 'json']));

it('A replay of dead letters that is killed again and again brings each back once, in its order', async () => {
  const count = 4_000;
  ok(['topic', 'create', 'back', '-p', '3']);
  letters('killed-dlq', count, 'back');
  let kills = 0;
  for (let wait = 450; ; wait += 60) {
    const child: ChildProcess = spawn(launcher, ['dlq', 'replay', 'killed-dlq', '--all'], {
      env: env(),
      stdio: 'ignore',
    });
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    await Promise.race([sleep(wait), ended]);
    child.kill('SIGKILL');
    const [code] = await ended;
    if (code === 0) break;
    kills++;
    assert.ok(kills < 100, 'the replay gets through in the end');
  }
  assert.ok(kills > 0, 'it was killed at least once');
  const lines = ok(['consume', 'back', '-e', '-f', '%p %s\\n']).trim().split('\n');
  assert.equal(lines.length, count, `after ${kills} kills`);
  assert.equal(new Set(lines).size, count);
  for (const partition of ['0', '1', '2']) {
    const mine = lines.filter((line) => line.startsWith(`${partition} `)).map((line) => Number(line.slice(2)));
    assert.deepEqual(
      mine,
      [...mine].sort((a, b) => a - b),
      `partition ${partition} is in order`,
    );
  }
  assert.deepEqual(json(['dlq', 'ls', 'killed-dlq']), []);
});

/** Writes letters as the runtime does: the value is the number, three partitions in turn. */
function letters(dlq: string, count: number, topic: string): void {
  const lines = Array.from({ length: count }, (_, index) => {
    const context = {
      topic,
      partition: index % 3,
      offset: index,
      'connector.name': 'c',
      stage: 'TASK_PUT',
      'exception.message': `no ${index}`,
    };
    const headers = Object.entries(context).map(([name, value]) => ({
      key: `__connect.errors.${name}`,
      value: String(value),
    }));
    return JSON.stringify({ key: `k${index % 7}`, value: String(index), headers });
  });
  ok(['topic', 'create', dlq]);
  ok(['produce', '-t', dlq, '--from', 'jsonl'], lines.join('\n'));
}
