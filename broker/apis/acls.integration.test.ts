/**
 * ACLs and users by other people's admin clients: kafkajs makes, finds and takes away ACLs; they outlive a restart.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import kafkajs from 'kafkajs';
import { startTestBroker } from '../../test/kit/broker.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } = kafkajs;

const fixture = await startTestBroker({ after });
const adminOf = () =>
  new Kafka({ brokers: [fixture.bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 60_000 }).admin();

const acl = {
  resourceType: AclResourceTypes.TOPIC,
  resourceName: 'orders-',
  resourcePatternType: ResourcePatternTypes.PREFIXED,
  principal: 'User:alice',
  host: '*',
  operation: AclOperationTypes.READ,
  permissionType: AclPermissionTypes.ALLOW,
};

describe('ACLs made by kafkajs', () => {
  it('are described after a restart, by a filter that matches, and then taken away', async () => {
    const admin = adminOf();
    await admin.connect();
    await admin.createAcls({ acl: [acl, { ...acl, principal: 'User:bob', permissionType: AclPermissionTypes.DENY }] });
    await admin.disconnect();
    await fixture.restart();
    // A restart takes so little time that the client may not have noticed: another one.
    const later = adminOf();
    await later.connect();
    const filter = { ...acl, resourceName: 'orders-eu', resourcePatternType: ResourcePatternTypes.MATCH };
    const { resources } = await later.describeAcls(filter);
    assert.equal(resources.length, 1);
    const { acls, ...resource } = resources[0]!;
    assert.deepEqual(resource, { resourceType: 2, resourceName: 'orders-', resourcePatternType: 4 });
    assert.deepEqual(acls, [{ principal: 'User:alice', host: '*', operation: 3, permissionType: 3 }]);
    const { filterResponses } = await later.deleteAcls({ filters: [filter] });
    assert.equal(filterResponses[0]!.matchingAcls.length, 1);
    assert.equal((await later.describeAcls(filter)).resources.length, 0);
    assert.equal(fixture.broker.security.acls.count, 1);
    await later.disconnect();
  });
});
