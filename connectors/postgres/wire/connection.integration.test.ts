/**
 * Logging in to a real server by every method of the protocol, with and without TLS.
 */
import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { newAuthority } from '../../../test/kit/certificates.ts';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';
import { WireConnection, type WireOptions } from './connection.ts';
import type { SslMode } from './socket.ts';

describe('logging in', () => {
  const authority = newAuthority();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-login-'));
  const rootCertFile = join(folder, 'root.pem');
  let server: EmbeddedPostgresServer;
  let admin: Client;

  before(async () => {
    server = await startPostgres();
    admin = await server.connect('postgres');
    const { rows } = await admin.query<{ data_directory: string }>('SHOW data_directory');
    const data = rows[0]!.data_directory;
    const own = authority.issue([['CN', 'localhost']]);
    const { uid, gid } = statSync(data);
    for (const [name, text] of [
      ['server.crt', own.cert],
      ['server.key', own.key],
      ['pg_hba.conf', HBA],
    ] as const) {
      const file = join(data, name);
      writeFileSync(file, text, { mode: 0o600 });
      chownSync(file, uid, gid);
    }
    writeFileSync(rootCertFile, authority.cert);
    await admin.query(
      "SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD 'secret'; CREATE ROLE by_text LOGIN PASSWORD 'secret'",
    );
    await admin.query("SET password_encryption = 'scram-sha-256'; CREATE ROLE by_scram LOGIN PASSWORD 'sécret ☃'");
    await admin.query('ALTER SYSTEM SET ssl = on');
    await admin.query('SELECT pg_reload_conf()');
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const HBA = `
    hostnossl all by_md5,by_scram,by_text 127.0.0.1/32 reject
    host all by_md5 127.0.0.1/32 md5
    host all by_scram 127.0.0.1/32 scram-sha-256
    host all by_text 127.0.0.1/32 password
    host all all 127.0.0.1/32 scram-sha-256
  `;

  async function whoIsEncrypted(user: string, password: string, mode: SslMode, host = server.host): Promise<string> {
    const options: WireOptions = {
      host,
      port: server.port,
      user,
      password: () => password,
      database: 'postgres',
      settings: {},
      replication: false,
      keepAlive: true,
      timeoutMs: 5000,
      queryTimeoutMs: 5000,
      queuedBytesMax: 1 << 20,
      tls: { mode, rootCertFile },
    };
    const connection = await WireConnection.open(options);
    try {
      const [row] = await connection.query(
        'SELECT current_user || $$ $$ || ssl::text AS who FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return row!.who!;
    } finally {
      await connection.close();
    }
  }

  test('by MD5, by SCRAM and in clear text, under TLS', async () => {
    assert.equal(await whoIsEncrypted('by_md5', 'secret', 'require'), 'by_md5 true');
    assert.equal(await whoIsEncrypted('by_scram', 'sécret ☃', 'verify-ca'), 'by_scram true');
    assert.equal(await whoIsEncrypted('by_text', 'secret', 'prefer'), 'by_text true');
    assert.equal(await whoIsEncrypted('by_scram', 'sécret ☃', 'verify-full', 'localhost'), 'by_scram true');
  });

  test('a wrong password, an unencrypted connection and a name that is not in the certificate are refused', async () => {
    for (const user of ['by_md5', 'by_scram', 'by_text']) {
      await assert.rejects(whoIsEncrypted(user, 'wrong', 'require'), /password authentication failed/);
      await assert.rejects(whoIsEncrypted(user, 'secret', 'disable'), /pg_hba.conf rejects/);
    }
    assert.equal(await whoIsEncrypted(server.user, server.password, 'disable'), `${server.user} false`);
  });

  test('a certificate of an authority nobody trusts is refused where it is to be verified', async () => {
    const other = join(folder, 'other.pem');
    writeFileSync(other, newAuthority('Somebody Else').cert);
    writeFileSync(rootCertFile, newAuthority('Somebody Else').cert);
    try {
      await assert.rejects(whoIsEncrypted('by_md5', 'secret', 'verify-full', 'localhost'), /certificate|signature/);
      assert.equal(await whoIsEncrypted('by_md5', 'secret', 'require'), 'by_md5 true');
    } finally {
      writeFileSync(rootCertFile, authority.cert);
    }
  });
});
