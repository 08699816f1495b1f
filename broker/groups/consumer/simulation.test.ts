/**
 * Fifty members come, go, die, dawdle and change their minds, topics appear and grow, the log fails, the broker restarts:
 * at no time do two members own the same partition, and when it grows quiet everything is owned, evenly. All chance
 * comes from one seed, printed on failure (SIMULATION_SEED repeats it).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedMember, settle } from '../../../test/kit/consumer-groups.ts';
import { type GroupFixture, groupFixture } from '../../../test/kit/groups.ts';

const membersMax = 50;
const steps = 1500;
/** After it, members that died without a word are out. */
const sessionMs = 45_000;
const topicNames = ['t-a', 't-b', 't-c', 't-d'];
const subscriptions = [
  { subscribedTopicNames: topicNames },
  { subscribedTopicNames: ['t-a', 't-b'] },
  { subscribedTopicNames: ['t-c'] },
  { subscribedTopicNames: null, subscribedTopicRegex: 't-.*' },
];

/** mulberry32: small, and good enough to wander. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

class World {
  fixture: GroupFixture = groupFixture();
  members: SimulatedMember[] = [];
  readonly random: (below: number) => number;
  #born = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    for (const name of topicNames.slice(0, 2)) this.fixture.topics.set(name, 8);
  }

  step(): void {
    const { random, members, fixture } = this;
    const member = members[random(Math.max(1, members.length))];
    const dice = random(100);
    if (dice < 12 && members.length < membersMax) this.#join();
    else if (member === undefined || dice >= 40) this.#time();
    else if (dice < 17) this.#end(member, () => member.leave());
    else if (dice < 20) this.#end(member, () => {});
    else if (dice < 25) member.isSlow = !member.isSlow;
    else if (dice < 28) member.beat({ subscribedTopicNames: ['t-a'], subscribedTopicRegex: '' });
    else if (dice < 30) this.#grow();
    else if (dice < 32) this.#failOnce(member);
    else if (dice < 33) this.#restart();
    else member.beat();
    assert.equal(fixture.log.isHeld, false);
  }

  #join(): void {
    const memberId = `m${this.#born++}`;
    const subscription = subscriptions[this.random(subscriptions.length)]!;
    const assignor = this.random(4) === 0 ? 'range' : 'uniform';
    const member = new SimulatedMember(this.fixture, memberId, { ...subscription, serverAssignor: assignor });
    this.members.push(member.join());
  }

  #end(member: SimulatedMember, how: () => void): void {
    how();
    this.members = this.members.filter((other) => other !== member);
    // A member that died works on nothing any more.
    member.owned.clear();
  }

  /** Most beat before their session ends. A member whose session ended knows it by its own clock and drops all. */
  #time(): void {
    this.fixture.timers.advance(1000 + this.random(4000));
    const { consumers } = this.fixture.coordinator;
    for (const member of this.members) {
      const known = consumers.get('g')?.members.has(member.memberId) === true;
      if (!known) member.owned.clear();
      if (this.random(10) < 7) member.beat();
    }
  }

  #grow(): void {
    const name = topicNames[this.random(topicNames.length)]!;
    const partitions = (this.fixture.topics.get(name)?.partitions ?? 0) + 1 + this.random(4);
    this.fixture.topics.set(name, Math.min(partitions, 40));
    this.fixture.coordinator.consumers.topicsChanged();
  }

  #failOnce(member: SimulatedMember): void {
    this.fixture.log.error = 'NOT_COORDINATOR';
    member.beat();
    this.fixture.log.error = null;
  }

  #restart(): void {
    this.fixture.coordinator.stop();
    this.fixture = this.fixture.restarted();
    for (const member of this.members) member.fixture = this.fixture;
  }

  checkOwners(): void {
    const owners = new Map<string, string>();
    for (const { memberId, owned } of this.members) {
      for (const key of owned) {
        assert.equal(owners.get(key), undefined, `${key} is owned by ${owners.get(key)} and ${memberId}`);
        owners.set(key, memberId);
      }
    }
  }

  /** All are quick again: every partition somebody wants has an owner, and the records say the same. */
  checkRest(): void {
    for (const member of this.members) member.isSlow = false;
    if (this.members.length === 0) this.#join();
    for (let waited = 0; waited <= sessionMs; waited += 5000) {
      for (const member of this.members) member.beat();
      this.fixture.timers.advance(5000);
    }
    settle(this.members);
    const group = this.fixture.coordinator.consumers.get('g')!;
    assert.equal(group.state, 'Stable');
    const owned = this.members.reduce((sum, member) => sum + member.owned.size, 0);
    const wanted = topicNames.filter((name) => group.isSubscribedTo(name));
    assert.equal(
      owned,
      wanted.reduce((sum, name) => sum + (this.fixture.topics.get(name)?.partitions ?? 0), 0),
    );
    const kept = this.fixture.restarted().coordinator.consumers.get('g')!;
    assert.deepEqual(kept.members, group.members);
    assert.deepEqual(kept.targets, group.targets);
  }
}

for (const round of [0, 1, 2]) {
  it(`no partition ever has two owners, whatever happens (${round + 1} of 3)`, () => {
    const seed = Number(process.env.SIMULATION_SEED ?? 848_000 + round);
    const world = new World(seed);
    let step = 0;
    try {
      for (; step < steps; step++) {
        world.step();
        world.checkOwners();
        if (step % 500 === 499) world.checkRest();
      }
    } catch (error) {
      throw new Error(`SIMULATION_SEED=${seed}, step ${step}: ${(error as Error).message}`, { cause: error });
    }
  });
}
