import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loginSteps } from '../../cli/kafka/sasl.ts';
import { memoryMetadata } from '../../test/kit/metadata-store.ts';
import { AuthenticationError } from './errors.ts';
import { PlainExchange } from './plain.ts';
import { credentialOf, ScramExchange, type ScramMechanism, saltPassword, scramMechanisms } from './scram.ts';
import { Users } from './users.ts';

async function credential(mechanism: ScramMechanism, password: string, salt: Buffer) {
  return credentialOf(mechanism, await saltPassword(mechanism, password, salt, 4096), salt, 4096);
}

describe('the example of RFC 7677', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const first = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
  const final = `c=biws,r=rOprNGfwEbeRWgbNEkqO${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

  async function exchange() {
    const kept = await credential('SCRAM-SHA-256', 'pencil', salt);
    return new ScramExchange('SCRAM-SHA-256', (user) => (user === 'user' ? kept : undefined), serverNonce);
  }

  it('is answered to the letter', async () => {
    const scram = await exchange();
    const challenge = scram.step(Buffer.from(first));
    assert.equal(challenge.token.toString(), `r=rOprNGfwEbeRWgbNEkqO${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
    const end = scram.step(Buffer.from(final));
    assert.equal(end.token.toString(), 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    assert.deepEqual(end.success, { user: 'user', expiresAtMs: null });
  });

  it('fails with any of its parts changed', async () => {
    for (const wrong of [
      final.replace('p=d', 'p=e'),
      final.replace('c=biws', 'c=eSws'),
      final.replace('r=rOpr', 'r=sOpr').replace(serverNonce, `x${serverNonce}`),
      final.replace(/,p=.*/, ''),
    ]) {
      const scram = await exchange();
      scram.step(Buffer.from(first));
      assert.throws(() => scram.step(Buffer.from(wrong)), AuthenticationError, wrong);
    }
  });

  it('may be preceded by extensions, which are passed over', async () => {
    const scram = await exchange();
    const { token } = scram.step(Buffer.from(`${first},tokenauth=true`));
    assert.match(token.toString(), /^r=rOpr/);
  });

  it('is refused with channel binding, another authorization id or a broken user name', async () => {
    for (const wrong of [
      'p=tls-unique,,n=user,r=x',
      'n,a=other,n=user,r=x',
      'n,,n=us=er,r=x',
      'n,,n=,r=x',
      'hello',
      '',
    ]) {
      const scram = await exchange();
      assert.throws(() => scram.step(Buffer.from(wrong)), AuthenticationError, wrong);
    }
  });
});

describe('SCRAM', () => {
  for (const mechanism of Object.keys(scramMechanisms) as ScramMechanism[]) {
    it(`lets our own client in by ${mechanism}, with commas and equals signs in the name`, async () => {
      const kept = await credential(mechanism, 'p=a,ss', Buffer.from('some salt'));
      const server = new ScramExchange(mechanism, (user) => (user === 'a=b,c' ? kept : undefined));
      const client = loginSteps({ mechanism, user: 'a=b,c', password: 'p=a,ss' });
      const challenge = server.step(client.next().value as Buffer);
      const end = server.step(client.next(challenge.token).value as Buffer);
      assert.equal(client.next(end.token).done, true);
      assert.equal(end.success?.user, 'a=b,c');
    });
  }

  it('says the same to a wrong password and to a user who is not there, at the same step', async () => {
    const kept = await credential('SCRAM-SHA-256', 'right', Buffer.from('some salt'));
    const failures = ['there', 'nobody'].map((user) => {
      const server = new ScramExchange('SCRAM-SHA-256', (asked) => (asked === 'there' ? kept : undefined));
      const client = loginSteps({ mechanism: 'SCRAM-SHA-256', user, password: 'wrong' });
      const challenge = server.step(client.next().value as Buffer);
      const proof = client.next(challenge.token).value as Buffer;
      try {
        return server.step(proof);
      } catch (error) {
        return (error as Error).message;
      }
    });
    assert.equal(failures[0], failures[1]);
    assert.match(failures[0] as string, /invalid credentials with SASL mechanism SCRAM-SHA-256/);
  });

  it('answers a user who is not there with the same salt each time', () => {
    const salts = [1, 2].map(() => {
      const server = new ScramExchange('SCRAM-SHA-256', () => undefined);
      return /s=([^,]+)/.exec(server.step(Buffer.from('n,,n=nobody,r=x')).token.toString())![1];
    });
    assert.equal(salts[0], salts[1]);
  });
});

describe('PLAIN', () => {
  it('checks the password against the SCRAM credential that is kept', async () => {
    const kept = await credential('SCRAM-SHA-512', 'secret', Buffer.from('some salt'));
    const attempt = (token: string) =>
      new PlainExchange((user, mechanism) =>
        user === 'alice' && mechanism === 'SCRAM-SHA-512' ? kept : undefined,
      ).step(Buffer.from(token));
    assert.equal((await attempt('\0alice\0secret')).success?.user, 'alice');
    assert.equal((await attempt('alice\0alice\0secret')).success?.user, 'alice');
    for (const wrong of [
      '\0alice\0wrong',
      '\0bob\0secret',
      'bob\0alice\0secret',
      '\0alice\0',
      '\0\0secret',
      'alice',
      '',
    ]) {
      await assert.rejects(attempt(wrong), AuthenticationError, JSON.stringify(wrong));
    }
  });
});

describe('users', () => {
  it('are there again after a restart, without a password in what is kept', async () => {
    const store = memoryMetadata();
    const users = new Users(store);
    const kept = await credential('SCRAM-SHA-256', 'alice-secret', Buffer.from('some salt'));
    await users.change([
      { user: 'alice', mechanism: 'SCRAM-SHA-256', credential: kept },
      { user: 'bob', mechanism: 'SCRAM-SHA-256', credential: kept },
    ]);
    await users.change([{ user: 'bob', mechanism: 'SCRAM-SHA-256', credential: null }]);
    const restarted = new Users(store.restarted());
    assert.deepEqual(restarted.names(), ['alice']);
    assert.deepEqual(restarted.credential('alice', 'SCRAM-SHA-256'), kept);
    assert.equal(restarted.credential('alice', 'SCRAM-SHA-512'), undefined);
    assert.ok(!JSON.stringify([...store.restarted().entries]).includes('alice-secret'));
  });
});
