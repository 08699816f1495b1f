/**
 * The login as it is on the wire, request by request: what may come when, tokens without frames of their own
 * (SaslHandshake v0), sessions that end and are renewed (KIP-368), and the limits on connections.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loginSteps } from '../../cli/kafka/sasl.ts';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';
import { exchange, exchanges, KafkaConnection } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { encodeApiVersionsRequest } from '../protocol/messages/generated/api-versions-request.ts';
import { decodeApiVersionsResponse } from '../protocol/messages/generated/api-versions-response.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeSaslAuthenticateRequest } from '../protocol/messages/generated/sasl-authenticate-request.ts';
import { decodeSaslAuthenticateResponse } from '../protocol/messages/generated/sasl-authenticate-response.ts';
import { encodeSaslHandshakeRequest } from '../protocol/messages/generated/sasl-handshake-request.ts';
import { decodeSaslHandshakeResponse } from '../protocol/messages/generated/sasl-handshake-response.ts';

const handshake = exchange(apis.saslHandshake, encodeSaslHandshakeRequest, decodeSaslHandshakeResponse);
const authenticate = exchange(apis.saslAuthenticate, encodeSaslAuthenticateRequest, decodeSaslAuthenticateResponse);
const apiVersions = exchange(apis.apiVersions, encodeApiVersionsRequest, decodeApiVersionsResponse);

/** As long as a machine may stand still between a login and what follows it. */
const sessionMs = 5000;
const guarded = await startGuardedBroker(
  { after },
  {
    protocol: 'SASL_PLAINTEXT',
    mechanisms: 'PLAIN,SCRAM-SHA-256',
    config: { 'connections.max.reauth.ms': String(sessionMs), 'connection.failed.authentication.delay.ms': '50' },
  },
);
await guarded.addUser('alice', 'alice-secret');
await guarded.addUser('bob', 'bob-secret');
await guarded.allowEverything('User:alice');

const plain = (user: string, password = `${user}-secret`) => ({ authBytes: Buffer.from(`\0${user}\0${password}`) });

async function open(t: { after(work: () => void): void }, port = guarded.port): Promise<KafkaConnection> {
  const connection = await KafkaConnection.open({ address: { host: '127.0.0.1', port } });
  t.after(() => connection.close());
  return connection;
}

const listTopics = (connection: KafkaConnection) => connection.call(exchanges.metadata, 9, { topics: null });

async function logIn(connection: KafkaConnection, user: string) {
  assert.equal((await connection.call(handshake, 1, { mechanism: 'PLAIN' })).errorCode, 0);
  return connection.call(authenticate, 1, plain(user));
}

describe('before a login', () => {
  it('ApiVersions is answered, as after it', async (t) => {
    const connection = await open(t);
    const before = await connection.call(apiVersions, 0, {});
    await logIn(connection, 'alice');
    assert.deepEqual(await connection.call(apiVersions, 0, {}), before);
  });

  it('anything else closes the connection', async (t) => {
    await assert.rejects(listTopics(await open(t)), /closed/);
    await assert.rejects((await open(t)).call(authenticate, 1, plain('alice')), /closed/);
  });

  it('a frame that only somebody who is known may send closes the connection at its length', async (t) => {
    const connection = await open(t);
    connection.send(Buffer.from([0, 0x10, 0, 0]));
    await connection.closed;
  });

  it('a mechanism that is not enabled is answered with those that are, and closes', async (t) => {
    const connection = await open(t);
    const { errorCode, mechanisms } = await connection.call(handshake, 1, { mechanism: 'SCRAM-SHA-512' });
    assert.equal(errorCode, ErrorCode.UNSUPPORTED_SASL_MECHANISM);
    assert.deepEqual(mechanisms, ['PLAIN', 'SCRAM-SHA-256']);
    await connection.closed;
  });
});

describe('a login', () => {
  it('that fails is answered late, with a sentence, and closes', async (t) => {
    const connection = await open(t);
    await connection.call(handshake, 1, { mechanism: 'PLAIN' });
    const beganAt = performance.now();
    const answer = await connection.call(authenticate, 1, plain('alice', 'wrong'));
    assert.equal(answer.errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED);
    assert.match(answer.errorMessage ?? '', /invalid credentials with SASL mechanism PLAIN/);
    assert.ok(performance.now() - beganAt >= 49);
    await connection.closed;
  });

  it('takes nothing but tokens in its middle', async (t) => {
    const connection = await open(t);
    await connection.call(handshake, 1, { mechanism: 'PLAIN' });
    await assert.rejects(connection.call(apiVersions, 0, {}), /closed/);
  });

  it('by SaslHandshake v0 goes on with bare tokens (SCRAM)', async (t) => {
    const connection = await open(t);
    assert.equal((await connection.call(handshake, 0, { mechanism: 'SCRAM-SHA-256' })).errorCode, 0);
    const steps = loginSteps({ mechanism: 'SCRAM-SHA-256', user: 'alice', password: 'alice-secret' });
    for (let step = steps.next(); step.done !== true; ) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(step.value.length);
      connection.send(length, step.value);
      step = steps.next(await connection.answer());
    }
    assert.equal((await listTopics(connection)).topics.length >= 0, true);
  });

  it('by SaslHandshake v0 with a wrong password just ends', async (t) => {
    const connection = await open(t);
    await connection.call(handshake, 0, { mechanism: 'PLAIN' });
    const token = plain('alice', 'wrong').authBytes;
    connection.send(Buffer.from([0, 0, 0, token.length]), token);
    await connection.closed;
  });

  it('makes the client who it is: what it may not see is not there', async (t) => {
    await guarded.broker.topics.create([{ name: 'seen-by-alice', partitions: 1 }]).catch(() => {});
    const [alice, bob] = [await open(t), await open(t)];
    await logIn(alice, 'alice');
    await logIn(bob, 'bob');
    const names = async (connection: KafkaConnection) => (await listTopics(connection)).topics.map(({ name }) => name);
    assert.ok((await names(alice)).includes('seen-by-alice'));
    assert.deepEqual(await names(bob), []);
  });

  it('as ANONYMOUS, who may do everything, is nobody’s', async (t) => {
    await guarded.addUser('ANONYMOUS', 'ANONYMOUS-secret');
    const connection = await open(t);
    assert.equal((await logIn(connection, 'ANONYMOUS')).errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED);
    await connection.closed;
  });

  it('on a listener that asks for none is ILLEGAL_SASL_STATE', async (t) => {
    const connection = await open(t, Number(guarded.plain.split(':')[1]));
    const { errorCode } = await connection.call(handshake, 1, { mechanism: 'PLAIN' });
    assert.equal(errorCode, ErrorCode.ILLEGAL_SASL_STATE);
    assert.equal((await connection.call(authenticate, 1, plain('alice'))).errorCode, ErrorCode.ILLEGAL_SASL_STATE);
    assert.equal((await listTopics(connection)).controllerId, 1);
  });
});

describe('a session that ends', { concurrency: true }, () => {
  it('is announced, and the connection closes when it is used afterwards', async (t) => {
    const connection = await open(t);
    assert.equal((await logIn(connection, 'alice')).sessionLifetimeMs, sessionMs);
    await listTopics(connection);
    await new Promise((resolve) => setTimeout(resolve, sessionMs + 50));
    await assert.rejects(listTopics(connection), /closed/);
  });

  it('is renewed by another login of the same user, even when it has ended', async (t) => {
    const connection = await open(t);
    await logIn(connection, 'alice');
    await new Promise((resolve) => setTimeout(resolve, sessionMs + 50));
    assert.equal((await logIn(connection, 'alice')).errorCode, 0);
    await listTopics(connection);
  });

  it('is not renewed by somebody else, nor twice within a second', async (t) => {
    const other = await open(t);
    await logIn(other, 'alice');
    const answer = await logIn(other, 'bob');
    assert.equal(answer.errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED);
    assert.match(
      answer.errorMessage ?? '',
      /Cannot change principals during re-authentication from User:alice to User:bob/,
    );
    await other.closed;
    const again = async () => {
      const hasty = await open(t);
      await logIn(hasty, 'alice');
      await logIn(hasty, 'alice');
      return (await hasty.call(handshake, 1, { mechanism: 'PLAIN' })).errorCode;
    };
    // On a machine that stood still the second is over before the third login.
    let errorCode = await again();
    for (let tries = 0; errorCode === 0 && tries < 20; tries++) errorCode = await again();
    assert.equal(errorCode, ErrorCode.ILLEGAL_SASL_STATE);
  });
});

describe('connections', () => {
  it('of one address are limited, and make room when they end', async (t) => {
    const limited = await startGuardedBroker(t, {
      protocol: 'SASL_PLAINTEXT',
      config: { 'max.connections.per.ip': '100', 'max.connections.per.ip.overrides': '127.0.0.1:2' },
    });
    const [first] = [await open(t, limited.port), await open(t, limited.port)];
    await first!.call(apiVersions, 0, {});
    const third = connect({ host: '127.0.0.1', port: limited.port });
    third.on('error', () => {});
    await once(third, 'close');
    first!.close();
    // The broker hears of it when it hears of it.
    const served = async () => {
      const again = await open(t, limited.port);
      return again.call(apiVersions, 0, {}).then(
        () => true,
        () => false,
      );
    };
    for (const deadline = Date.now() + 60_000; !(await served()); await sleep(20)) assert.ok(Date.now() < deadline);
  });
});
