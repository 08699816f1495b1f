/**
 * Members of both protocols come, go, die, dawdle and change their protocol in one group, which changes its own with
 * them; the log fails, the broker restarts. At no time do two members own the same partition, and when it grows quiet
 * every partition has an owner. All chance comes from one seed, printed on failure (SIMULATION_SEED repeats it).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedClassicMember } from '../../../test/kit/classic-members.ts';
import { SimulatedMember } from '../../../test/kit/consumer-groups.ts';
import { type GroupFixture, groupFixture } from '../../../test/kit/groups.ts';
import { seededRandom } from '../../../test/kit/random.ts';

type AnyMember = SimulatedMember | SimulatedClassicMember;

const membersMax = 12;
const steps = 1200;
/** Whoever died is out after it; a rebalance waits for nobody longer than this twice. */
const quietMs = 120_000;

class World {
  fixture: GroupFixture = groupFixture();
  members: AnyMember[] = [];
  upgrades = 0;
  downgrades = 0;
  readonly below: (bound: number) => number;
  readonly isCooperative: boolean;
  /** More members of one protocol come for a while, then more of the other: as in a roll out and back. */
  #modernPercent = 0;
  #wasModern = false;
  #born = 0;

  constructor(seed: number) {
    this.below = seededRandom(seed).below;
    this.isCooperative = seed % 2 === 1;
    this.fixture.topics.set('t', 9);
  }

  step(): void {
    const { below, members, fixture } = this;
    const member = members[below(Math.max(1, members.length))];
    const dice = below(100);
    if (below(150) === 0) this.#modernPercent = [0, 10, 50, 90, 100][below(5)]!;
    if (dice < 12 && members.length < membersMax) this.#join();
    else if (member === undefined || dice >= 45) this.#time();
    else if (dice < 20) this.#end(member, () => member.leave());
    else if (dice < 22) this.#end(member, () => {});
    else if (dice < 24) this.#grow();
    else if (dice < 27) this.#failOnce(member);
    else if (dice < 29) this.#restart();
    else member.beat();
    assert.equal(fixture.log.isHeld, false);
    this.#countChanges();
  }

  #join(): void {
    const isModern = this.below(100) < this.#modernPercent;
    const member = isModern
      ? new SimulatedMember(this.fixture, `m${this.#born++}`).join()
      : new SimulatedClassicMember(this.fixture, { isCooperative: this.isCooperative }).join();
    this.members.push(member);
  }

  #end(member: AnyMember, how: () => void): void {
    how();
    this.members = this.members.filter((other) => other !== member);
    member.owned.clear();
    if (member instanceof SimulatedClassicMember) member.disconnected();
  }

  /** Most beat before their session ends. A member whose session ended knows it by its own clock and drops all. */
  #time(): void {
    this.fixture.timers.advance(1000 + this.below(4000));
    this.#noticeEnds();
    for (const member of this.members) if (this.below(10) < 7) member.beat();
    this.#noticeEnds();
  }

  #noticeEnds(): void {
    const { coordinator } = this.fixture;
    const modern = coordinator.consumers.get('g')?.members;
    const classic = new Set(coordinator.describe('g').members.map(({ memberId }) => memberId));
    for (const member of this.members) {
      if (modern?.has(member.memberId) === true || classic.has(member.memberId)) continue;
      if (member instanceof SimulatedMember) member.owned.clear();
      else if (member.owned.size > 0) member.lost();
    }
  }

  #grow(): void {
    this.fixture.topics.set('t', Math.min((this.fixture.topics.get('t')?.partitions ?? 0) + 1, 30));
    this.fixture.coordinator.consumers.topicsChanged();
  }

  #failOnce(member: AnyMember): void {
    this.fixture.log.error = 'NOT_COORDINATOR';
    member.beat();
    this.fixture.log.error = null;
  }

  #restart(): void {
    this.fixture.coordinator.stop();
    this.fixture = this.fixture.restarted();
    for (const member of this.members) {
      if (member instanceof SimulatedClassicMember) member.disconnected();
      member.fixture = this.fixture;
    }
    this.#noticeEnds();
  }

  #countChanges(): void {
    const isModern = this.fixture.coordinator.consumers.has('g');
    if (isModern && !this.#wasModern) this.upgrades++;
    if (!isModern && this.#wasModern) this.downgrades++;
    this.#wasModern = isModern;
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

  checkRest(): void {
    if (this.members.length === 0) this.#join();
    for (let waited = 0; waited <= quietMs; waited += 3000) {
      for (const member of this.members) {
        member.beat();
        this.checkOwners();
      }
      this.fixture.timers.advance(3000);
      this.#noticeEnds();
    }
    const owned = this.members.reduce((sum, member) => sum + member.owned.size, 0);
    assert.equal(owned, this.fixture.topics.get('t')!.partitions, 'every partition has an owner');
    assert.match(this.fixture.coordinator.list()[0]!.state, /Stable/);
  }
}

const total = { upgrades: 0, downgrades: 0 };

for (const round of [0, 1, 2, 3]) {
  const kind = round % 2 === 1 ? 'cooperative' : 'eager';
  it(`no partition ever has two owners while a group of ${kind} members changes its protocol (${round + 1} of 4)`, () => {
    const seed = Number(process.env.SIMULATION_SEED ?? 848_848 + round);
    const world = new World(seed);
    let step = 0;
    try {
      for (; step < steps; step++) {
        world.step();
        world.checkOwners();
        if (step % 400 === 399) world.checkRest();
      }
    } catch (error) {
      throw new Error(`SIMULATION_SEED=${seed}, step ${step}: ${(error as Error).message}`, { cause: error });
    }
    total.upgrades += world.upgrades;
    total.downgrades += world.downgrades;
  });
}

it('the group did change its protocol, both ways', () => {
  assert.ok(total.upgrades >= 10 && total.downgrades >= 10, JSON.stringify(total));
});
