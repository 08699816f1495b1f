import { it } from 'node:test';
import { fuzzOnce, killedBroker } from './recovery.fuzz.ts';

/** A taste of the fuzzer in every run; `node broker/log/recovery.fuzz.ts 100000` is the meal. */
const seeds = 300;

it('Recovery takes arbitrary damage without a throw and keeps only what was written', async () => {
  const killed = await killedBroker();
  for (let seed = 1; seed <= seeds; seed++) await fuzzOnce(killed, seed);
});
