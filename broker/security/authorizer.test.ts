import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryMetadata } from '../../test/kit/metadata-store.ts';
import {
  type Acl,
  Operation,
  type OperationName,
  PatternType,
  Permission,
  problemWithAcl,
  ResourceType,
  type ResourceTypeName,
} from './acl.ts';
import { Acls } from './acls.ts';
import { Authorizer } from './authorizer.ts';
import { parseSuperUsers, userPrincipal } from './principal.ts';

/** `allow alice read topic orders`, `deny * all topic ord… from 10.0.0.1`: `…` is a prefix. */
function acl(text: string): Acl {
  const [permission, who, operation, type, name, , host = '*'] = text.split(' ');
  const isPrefix = name!.endsWith('…');
  return {
    permissionType: Permission[permission as 'allow'],
    principal: `User:${who}`,
    operation: Operation[operation as OperationName],
    resourceType: ResourceType[type as ResourceTypeName],
    resourceName: isPrefix ? name!.slice(0, -1) : name!,
    patternType: isPrefix ? PatternType.prefixed : PatternType.literal,
    host,
  };
}

async function authorizer(acls: readonly string[], options: { superUsers?: string; isOpen?: boolean } = {}) {
  const kept = new Acls(memoryMetadata());
  await kept.add(acls.map(acl));
  return new Authorizer(kept, parseSuperUsers(options.superUsers ?? ''), options.isOpen ?? false);
}

const asker = (name: string, clientHost = '10.0.0.1') => ({ principal: userPrincipal(name), clientHost });

/** ACLs between semicolons · question (who, operation, type, name, host) · may they. */
const decisions: readonly (readonly [acls: string, question: string, isAllowed: boolean])[] = [
  ['', 'alice read topic orders', false],
  ['allow alice read topic orders', 'alice read topic orders', true],
  ['allow alice read topic orders', 'bob read topic orders', false],
  ['allow alice read topic orders', 'alice write topic orders', false],
  ['allow alice read topic orders', 'alice read topic orders2', false],
  ['allow alice read topic orders', 'alice read group orders', false],
  ['allow * read topic orders', 'anybody read topic orders', true],
  ['allow alice read topic *', 'alice read topic anything', true],
  ['allow alice read topic ord…', 'alice read topic orders', true],
  ['allow alice read topic ord…', 'alice read topic or', false],
  ['allow alice all topic orders', 'alice alterConfigs topic orders', true],
  ['allow alice read topic orders from 10.0.0.1', 'alice read topic orders 10.0.0.1', true],
  ['allow alice read topic orders from 10.0.0.1', 'alice read topic orders 10.0.0.2', false],
  // A denial wins, however it is written.
  ['allow alice read topic orders;deny alice read topic orders', 'alice read topic orders', false],
  ['allow alice read topic orders;deny * all topic *', 'alice read topic orders', false],
  ['allow alice read topic *;deny alice read topic ord…', 'alice read topic orders', false],
  ['allow alice read topic *;deny alice read topic ord…', 'alice read topic other', true],
  ['allow * read topic *;deny mallory read topic *', 'mallory read topic x', false],
  ['allow alice read topic x;deny alice read topic x from 10.0.0.9', 'alice read topic x 10.0.0.1', true],
  // Implied by an ALLOW, never by a DENY.
  ['allow alice read topic x', 'alice describe topic x', true],
  ['allow alice write topic x', 'alice describe topic x', true],
  ['allow alice delete topic x', 'alice describe topic x', true],
  ['allow alice alter topic x', 'alice describe topic x', true],
  ['allow alice alterConfigs topic x', 'alice describeConfigs topic x', true],
  ['allow alice create topic x', 'alice describe topic x', false],
  ['allow alice describe topic x', 'alice read topic x', false],
  ['allow alice describe topic x;deny alice read topic x', 'alice describe topic x', true],
  ['allow alice read topic x;deny alice describe topic x', 'alice describe topic x', false],
  ['allow alice create cluster kafka-cluster', 'alice create cluster kafka-cluster', true],
  ['allow alice write transactionalId tx…', 'alice write transactionalId tx-1', true],
];

describe('the authorizer', () => {
  for (const [acls, question, isAllowed] of decisions) {
    it(`${isAllowed ? 'allows' : 'denies'} ${question} by ${acls === '' ? 'no ACL' : acls}`, async () => {
      const decide = await authorizer(acls === '' ? [] : acls.split(';'));
      const [who, operation, type, name, host] = question.split(' ');
      const ask = () =>
        decide.isAllowed(asker(who!, host), operation as OperationName, type as ResourceTypeName, name!);
      assert.equal(ask(), isAllowed);
      assert.equal(ask(), isAllowed, 'and remembers it');
    });
  }

  it('lets super users do everything, denied or not', async () => {
    const decide = await authorizer(['deny * all topic *'], { superUsers: 'User:root; User:CN=a,O=b' });
    assert.ok(decide.isAllowed(asker('root'), 'delete', 'topic', 'x'));
    assert.ok(decide.isAllowed(asker('CN=a,O=b'), 'delete', 'topic', 'x'));
    assert.ok(!decide.isAllowed(asker('User'), 'delete', 'topic', 'x'));
  });

  it('leaves resources that no ACL speaks of open only where it is told to', async () => {
    const open = await authorizer(['allow alice read topic closed'], { isOpen: true });
    assert.ok(open.isAllowed(asker('bob'), 'write', 'topic', 'other'));
    assert.ok(!open.isAllowed(asker('bob'), 'write', 'topic', 'closed'), 'one ACL of anybody closes it');
  });

  it('obeys a change at once', async () => {
    const kept = new Acls(memoryMetadata());
    const decide = new Authorizer(kept, new Set(), false);
    const ask = () => decide.isAllowed(asker('alice'), 'read', 'topic', 'x');
    assert.equal(ask(), false);
    await kept.add([acl('allow alice read topic x')]);
    assert.equal(ask(), true);
    const filter = {
      resourceTypeFilter: ResourceType.any,
      resourceNameFilter: null,
      patternTypeFilter: PatternType.any,
    };
    const rest = { principalFilter: null, hostFilter: null, operation: Operation.any, permissionType: Permission.any };
    const [removed] = await kept.remove([{ ...filter, ...rest }]);
    assert.equal(removed!.length, 1);
    assert.equal(ask(), false);
  });

  it('knows who may write to some topic, whichever it is', async () => {
    const may = async (...acls: string[]) => (await authorizer(acls)).isAllowedOnAny(asker('alice'), 'write', 'topic');
    assert.equal(await may(), false);
    assert.equal(await may('allow alice write topic x'), true);
    assert.equal(await may('allow alice write topic x…'), true);
    assert.equal(await may('allow alice read topic x'), false);
    assert.equal(await may('allow alice write topic x', 'deny alice write topic x'), false);
    assert.equal(await may('allow alice write topic xy', 'deny alice write topic x…'), false);
    assert.equal(await may('allow alice write topic xy', 'allow alice write topic z', 'deny * write topic x…'), true);
    assert.equal(await may('allow alice write topic x…', 'deny alice write topic x'), true);
    assert.equal(await may('allow alice write topic x', 'deny * all topic *'), false);
  });

  it('tells what somebody may do as the bitmap of KIP-430', async () => {
    const decide = await authorizer(['allow alice read topic x', 'allow alice alterConfigs topic x']);
    const bits = decide.operations(asker('alice'), 'topic', 'x');
    const named = Object.entries(Operation).filter(([, bit]) => (bits & (1 << bit)) !== 0);
    assert.deepEqual(named.map(([name]) => name).sort(), ['alterConfigs', 'describe', 'describeConfigs', 'read']);
  });
});

describe('ACLs', () => {
  it('are there again after a restart, each once', async () => {
    const store = memoryMetadata();
    const acls = new Acls(store);
    await acls.add([acl('allow alice read topic x'), acl('allow alice read topic x')]);
    await acls.add([acl('allow alice read topic x'), acl('deny bob all group g…')]);
    assert.equal(new Acls(store.restarted()).count, 2);
  });

  it('are found by Kafka’s filters; MATCH finds what applies to a name', async () => {
    const acls = new Acls(memoryMetadata());
    await acls.add(
      ['allow a read topic x', 'allow a read topic x…', 'allow a read topic *', 'allow a read topic xy'].map(acl),
    );
    const find = (patternTypeFilter: number, resourceNameFilter: string | null) =>
      acls
        .find({
          resourceTypeFilter: ResourceType.topic,
          resourceNameFilter,
          patternTypeFilter,
          principalFilter: null,
          hostFilter: null,
          operation: Operation.any,
          permissionType: Permission.any,
        })
        .map(({ resourceName, patternType }) => resourceName + (patternType === PatternType.prefixed ? '…' : ''))
        .sort();
    assert.deepEqual(find(PatternType.any, 'x'), ['x', 'x…']);
    assert.deepEqual(find(PatternType.literal, 'x'), ['x']);
    assert.deepEqual(find(PatternType.prefixed, 'x'), ['x…']);
    assert.deepEqual(find(PatternType.match, 'xy'), ['*', 'xy', 'x…']);
    assert.deepEqual(find(PatternType.any, null).length, 4);
  });

  it('that make no sense are refused with a sentence', () => {
    const good = acl('allow alice read topic x');
    assert.equal(problemWithAcl(good), null);
    const wrong: Partial<Acl>[] = [
      { resourceType: 0 },
      { resourceType: ResourceType.any },
      { patternType: PatternType.match },
      { operation: Operation.any },
      { permissionType: Permission.any },
      { resourceName: '' },
      { resourceType: ResourceType.cluster, resourceName: 'other' },
      { principal: 'alice' },
      { host: '' },
    ];
    for (const change of wrong) assert.notEqual(problemWithAcl({ ...good, ...change }), null, JSON.stringify(change));
  });
});
