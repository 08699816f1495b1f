import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BrokerConfigError } from '../errors.ts';
import { parseBrokerConfig } from '../metadata/broker-config.ts';
import { OpenListenerError } from './errors.ts';
import { listenersOf, refuseOpenListeners } from './listeners.ts';
import { distinguishedName, PrincipalMapping } from './principal-mapping.ts';

const anywhere = { host: '0.0.0.0', port: 9092 };
const listeners = (config: Record<string, string>, fallback = { host: '127.0.0.1', port: 9092 }) =>
  listenersOf(parseBrokerConfig(config), fallback);

describe('listeners', () => {
  it('are read as Kafka writes them, each with its own keys', () => {
    const [inside, outside] = listeners({
      listeners: 'INTERNAL://127.0.0.1:9092,EXTERNAL://:9093',
      'advertised.listeners': 'EXTERNAL://kafka.example:443',
      'listener.security.protocol.map': 'INTERNAL:PLAINTEXT,EXTERNAL:SASL_SSL',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
      'listener.name.external.sasl.enabled.mechanisms': 'PLAIN',
    });
    assert.deepEqual([inside!.protocol, inside!.usesSasl, inside!.advertised], ['PLAINTEXT', false, null]);
    assert.deepEqual([outside!.host, outside!.port, outside!.usesTls], ['0.0.0.0', 9093, true]);
    assert.deepEqual(outside!.advertised, { host: 'kafka.example', port: 443 });
    assert.deepEqual(inside!.config.list('sasl.enabled.mechanisms'), ['SCRAM-SHA-256']);
    assert.deepEqual(outside!.config.list('sasl.enabled.mechanisms'), ['PLAIN']);
  });

  it('are one plain one on the loopback where none is named, and one with a login elsewhere', () => {
    assert.equal(listeners({})[0]!.protocol, 'PLAINTEXT');
    assert.equal(listeners({}, anywhere)[0]!.protocol, 'SASL_PLAINTEXT');
    const keys = { 'ssl.keystore.location': 'both.pem' };
    assert.equal(listeners(keys, anywhere)[0]!.protocol, 'SASL_SSL');
    assert.equal(listeners({ ...keys, 'ssl.client.auth': 'required' }, anywhere)[0]!.protocol, 'SSL');
  });

  it('that cannot be read name their key', () => {
    for (const wrong of [
      { listeners: 'localhost:9092' },
      { listeners: 'PLAINTEXT://localhost:99999' },
      { listeners: 'OTHER://localhost:9092' },
      { listeners: 'SSL://a:1,SSL://a:2' },
      { 'advertised.listeners': 'SSL://a:1' },
      { 'listener.security.protocol.map': 'A:B' },
    ]) {
      assert.throws(() => listeners(wrong as Record<string, string>), BrokerConfigError, JSON.stringify(wrong));
    }
  });

  it('beyond the loopback are refused unless everybody is asked, and somebody can answer', () => {
    const refuse = (config: Record<string, string>, users: number) => () =>
      refuseOpenListeners(listeners(config, anywhere), users);
    assert.throws(refuse({ listeners: 'PLAINTEXT://0.0.0.0:9092' }, 1), OpenListenerError);
    assert.throws(refuse({ listeners: 'PLAINTEXT://192.168.1.2:9092' }, 1), /asks nobody who they are/);
    assert.throws(refuse({ listeners: 'SSL://[::]:9092' }, 1), /ssl\.client\.auth=required/);
    assert.throws(refuse({}, 0), /no user who could log in.*millrace user add/);
    assert.doesNotThrow(refuse({}, 1));
    assert.doesNotThrow(refuse({ listeners: 'SSL://0.0.0.0:9092', 'ssl.client.auth': 'required' }, 0));
    assert.doesNotThrow(refuse({ 'sasl.enabled.mechanisms': 'OAUTHBEARER' }, 0));
    assert.doesNotThrow(
      refuse(
        {
          listeners: 'PLAINTEXT://127.0.0.1:9092,X://localhost:1',
          'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,X:PLAINTEXT',
        },
        0,
      ),
    );
  });

  it('keep passwords out of what is said about a wrong configuration', () => {
    assert.throws(
      () => listeners({ 'ssl.key.pasword': 'geheim' }),
      (error: Error) => !error.message.includes('geheim'),
    );
  });
});

describe('a principal by certificate', () => {
  const subject = 'C=DE\nO=A, B\nOU=ServiceUsers\nCN=Alice';

  it('is the distinguished name of RFC 2253', () => {
    assert.equal(distinguishedName(subject), 'CN=Alice,OU=ServiceUsers,O=A\\, B,C=DE');
  });

  it('is what the first rule that fits makes of it', () => {
    const rules = 'RULE:^CN=(.*?),OU=Admins.*$/admin-$1/, RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L ,DEFAULT';
    const mapping = new PrincipalMapping(rules);
    assert.equal(mapping.apply(subject), 'alice');
    assert.equal(mapping.apply('OU=Admins\nCN=Bob'), 'admin-Bob');
    assert.equal(mapping.apply('CN=Carol'), 'CN=Carol');
    assert.equal(new PrincipalMapping('RULE:^.*CN=([a-z]+).*$/$1/U').apply('CN=dave'), 'DAVE');
    assert.equal(new PrincipalMapping('DEFAULT').apply('CN=eve'), 'CN=eve');
  });

  it('cannot be made by rules that are none', () => {
    for (const wrong of ['RULE:x', 'RULE:(/x/', 'other', 'DEFAULT DEFAULT']) {
      assert.throws(() => new PrincipalMapping(wrong), BrokerConfigError, wrong);
    }
  });
});
