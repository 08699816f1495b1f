/**
 * Where clones of Kafka failed clients at the door: items 20, 28 and 29 of the list in docs/clone-bugs.md. Each test is
 * named after what the user saw.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import { Operation, ResourceType } from '../../../broker/security/acl.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { type GuardedBroker, startGuardedBroker } from '../../kit/guarded-broker.ts';
import { batchOf, exchanges, KafkaConnection, startTestBroker } from '../../kit/kafka.ts';
import { software } from '../../kit/negotiate.ts';
import { RawClient } from '../../kit/raw-client.ts';

let guarded: GuardedBroker;
const cleanUps: (() => Promise<void>)[] = [];
before(async () => {
  const mechanisms = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512';
  guarded = await startGuardedBroker(
    { after: (cleanUp) => void cleanUps.push(cleanUp) },
    { protocol: 'SASL_PLAINTEXT', mechanisms },
  );
  await guarded.addUser('alice', 'secret');
  await guarded.addUser('mallory', 'secret');
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const open = (port: number, host = '127.0.0.1') => KafkaConnection.open({ address: { host, port } });
const plainToken = (user: string) => Buffer.from(`\0${user}\0secret`);

async function login(user: string): Promise<RawClient> {
  const connection = await open(guarded.port);
  await connection.call(allExchanges.saslHandshake, 1, { mechanism: 'PLAIN' });
  const { errorCode } = await connection.call(allExchanges.saslAuthenticate, 2, { authBytes: plainToken(user) });
  assert.equal(errorCode, 0);
  return RawClient.of(connection);
}

/** SCRAM-SHA-256 as RFC 5802 says, with these extensions in the first message. */
async function scram(connection: KafkaConnection, extensions: string): Promise<number> {
  const send = (text: string) => connection.call(allExchanges.saslAuthenticate, 2, { authBytes: Buffer.from(text) });
  const nonce = randomBytes(12).toString('hex');
  const first = `n=alice,r=${nonce}${extensions}`;
  const challenge = await send(`n,,${first}`);
  if (challenge.errorCode !== 0) return challenge.errorCode;
  const serverFirst = challenge.authBytes.toString();
  const [, serverNonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst)!;
  const salted = pbkdf2Sync('secret', Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256');
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const withoutProof = `c=biws,r=${serverNonce}`;
  const signature = hmac(createHash('sha256').update(clientKey).digest(), `${first},${serverFirst},${withoutProof}`);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64');
  return (await send(`${withoutProof},p=${proof}`)).errorCode;
}

describe('20. Logging in', () => {
  it('failed by SaslHandshake 0, after which tokens come as bare frames', async () => {
    const connection = await open(guarded.port);
    assert.equal((await connection.call(allExchanges.saslHandshake, 0, { mechanism: 'PLAIN' })).errorCode, 0);
    const token = plainToken('alice');
    const length = Buffer.alloc(4);
    length.writeInt32BE(token.length);
    connection.send(length, token);
    assert.equal((await connection.answer()).length, 0, 'an empty token says yes');
    assert.equal((await connection.call(exchanges.metadata, 12, { topics: [] })).brokers.length, 1);
    connection.close();
  });

  it('failed when SCRAM brought extensions: they are ignored', async () => {
    for (const extensions of ['', ',tokenauth=true', ',unknown=thing']) {
      const connection = await open(guarded.port);
      await connection.call(allExchanges.saslHandshake, 1, { mechanism: 'SCRAM-SHA-256' });
      assert.equal(await scram(connection, extensions), 0, extensions);
      connection.close();
    }
  });

  it('failed when the versions were asked for first, or twice: the handshake may be any that is advertised', async () => {
    for (const version of [0, 1]) {
      const connection = await open(guarded.port);
      for (const asked of [0, 3, 4]) await connection.call(allExchanges.apiVersions, asked, software);
      const { errorCode, mechanisms } = await connection.call(allExchanges.saslHandshake, version, {
        mechanism: 'PLAIN',
      });
      assert.equal(errorCode, 0);
      assert.ok(mechanisms.includes('PLAIN'));
      connection.close();
    }
  });

  it('was refused without saying what there is: an unknown mechanism is answered with the list', async () => {
    const connection = await open(guarded.port);
    const { errorCode, mechanisms } = await connection.call(allExchanges.saslHandshake, 1, { mechanism: 'NTLM' });
    assert.equal(errorCode, ErrorCode.UNSUPPORTED_SASL_MECHANISM);
    assert.deepEqual([...mechanisms].sort(), ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']);
    connection.close();
  });
});

describe('28. Addresses', () => {
  it('of one family were told to clients of the other: each is told the address it came by, with one node id', async (test) => {
    const kafka = await startTestBroker({
      config: {
        listeners: 'FOUR://127.0.0.1:0,SIX://[::1]:0',
        'listener.security.protocol.map': 'FOUR:PLAINTEXT,SIX:PLAINTEXT',
      },
    });
    test.after(() => kafka.remove());
    for (const [name, host] of [
      ['FOUR', '127.0.0.1'],
      ['SIX', '::1'],
    ] as const) {
      const { port } = kafka.broker.addresses.get(name)!;
      const client = RawClient.of(await open(port, host));
      const { brokers, controllerId } = await client.call(exchanges.metadata, 12, { topics: [] });
      const told = { nodeId: kafka.broker.nodeId, host, port };
      assert.deepEqual(
        brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
        [told],
      );
      assert.equal(controllerId, told.nodeId);
      const found = await client.call(allExchanges.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] });
      const { nodeId, host: coordinatorHost, port: coordinatorPort } = found.coordinators[0]!;
      assert.deepEqual({ nodeId, host: coordinatorHost, port: coordinatorPort }, told);
      const cluster = await client.call(allExchanges.describeCluster, 1, {});
      assert.deepEqual(
        cluster.brokers.map(({ brokerId }) => brokerId),
        [told.nodeId],
      );
      client.close();
    }
  });

  it('were names that resolve to the other family first: what is told by default is a number, not localhost', async (test) => {
    const kafka = await startTestBroker();
    test.after(() => kafka.remove());
    const client = await RawClient.connect(kafka);
    const { brokers } = await client.call(exchanges.metadata, 12, { topics: [] });
    assert.equal(brokers[0]!.host, '127.0.0.1');
  });
});

describe('29. What a clone found in itself', () => {
  it('consumers were sent to broker 0: no preferred replica is named, in no version', async (test) => {
    const kafka = await startTestBroker();
    test.after(() => kafka.remove());
    const client = await RawClient.connect(kafka);
    await client.createTopic('t');
    for (const version of [11, 12, 13, 16, 18]) {
      assert.equal((await client.fetch('t', 0, { version })).preferredReadReplica, -1, `version ${version}`);
    }
  });

  it('ACLs were asked for records but not for topics: who may do nothing can neither write, read, create, change nor delete', async () => {
    const admin = RawClient.of(await open(guarded.broker.addresses.get('PLAINTEXT')!.port));
    await admin.createTopic('guarded', 1, { 'retention.ms': '1000' });
    const mallory = await login('mallory');
    const denied = ErrorCode.TOPIC_AUTHORIZATION_FAILED;
    assert.equal((await mallory.produce('guarded', batchOf('x'))).errorCode, denied);
    assert.equal((await mallory.fetch('guarded', 0)).errorCode, denied);
    assert.equal((await mallory.listOffset('guarded', -1)).errorCode, denied);
    const topics = [{ name: 'guarded', numPartitions: 1, replicationFactor: 1 }];
    const created = await mallory.call(exchanges.createTopics, 7, { topics: [{ ...topics[0]!, name: 'new' }] });
    assert.equal(created.topics[0]!.errorCode, denied);
    const deleted = await mallory.call(allExchanges.deleteTopics, 5, { topicNames: ['guarded'] });
    assert.equal(deleted.responses[0]!.errorCode, denied);
    const grown = await mallory.call(allExchanges.createPartitions, 3, { topics: [{ name: 'guarded', count: 5 }] });
    assert.equal(grown.results[0]!.errorCode, denied);
    const partitions = [{ partitionIndex: 0, offset: 0 }];
    const emptied = await mallory.call(allExchanges.deleteRecords, 2, { topics: [{ name: 'guarded', partitions }] });
    assert.equal(emptied.topics[0]!.partitions[0]!.errorCode, denied);
    const resources = [{ resourceType: 2, resourceName: 'guarded', configs: [] }];
    const altered = await mallory.call(allExchanges.incrementalAlterConfigs, 1, { resources });
    assert.equal(altered.responses[0]!.errorCode, denied);
    const replaced = await mallory.call(allExchanges.alterConfigs, 2, { resources });
    assert.equal(replaced.responses[0]!.errorCode, denied);
    const shown = await mallory.call(allExchanges.describeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: 'guarded' }],
    });
    assert.equal(shown.results[0]!.errorCode, denied);
    const listed = await mallory.call(exchanges.metadata, 12, { topics: null });
    assert.deepEqual(
      listed.topics.map(({ name }) => name),
      [],
      'she is not even told what there is',
    );
    const acls = await mallory.call(allExchanges.describeAcls, 2, {
      resourceTypeFilter: 1,
      patternTypeFilter: 1,
      operation: 1,
      permissionType: 1,
    });
    assert.equal(acls.errorCode, ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
    const quotas = await mallory.call(allExchanges.describeClientQuotas, 1, {});
    assert.equal(quotas.errorCode, ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
    assert.equal((await admin.listOffset('guarded', -1)).offset, 0, 'nothing came of it');
    mallory.close();
    admin.close();
  });

  it('a right to one thing was a right to all: who may read may not write', async () => {
    const reading = { resourceType: ResourceType.topic, resourceName: 'readable', operation: Operation.read };
    await guarded.allow('User:alice', reading);
    await guarded.broker.topics.create([{ name: 'readable', partitions: 1 }]);
    const alice = await login('alice');
    assert.equal((await alice.fetch('readable', 0)).errorCode, 0);
    assert.equal((await alice.produce('readable', batchOf('x'))).errorCode, ErrorCode.TOPIC_AUTHORIZATION_FAILED);
    alice.close();
  });
});
