import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pino } from 'pino';
import { UpLogLevels } from './up-log-levels.ts';
import type { HouseLogger } from './up-logger.ts';

function levelsAt(level: string): { levels: UpLogLevels; lines: string[] } {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line).msg) };
  return { levels: new UpLogLevels(pino({ level, base: null }, stream) as HouseLogger), lines };
}

it('a room obeys the root until it has a level of its own, and again when that is taken away', () => {
  const { levels, lines } = levelsAt('info');
  const broker = levels.room('broker');
  const worker = levels.room('worker');
  levels.setLevel('broker', 'DEBUG');
  broker.debug('one');
  worker.debug('not this');
  levels.setLevel('root', 'WARN');
  worker.info('nor this');
  broker.debug('two');
  levels.setLevel('broker', null);
  broker.info('nor that');
  assert.deepEqual(lines, ['one', 'two']);
  assert.deepEqual(
    levels.names().map((name) => `${name} ${levels.levelOf(name)}`),
    ['root WARN', 'broker WARN', 'worker WARN'],
  );
});

it("a house that says nothing says so in Kafka's word", () => {
  const { levels } = levelsAt('silent');
  assert.equal(levels.levelOf('root'), 'OFF');
});
