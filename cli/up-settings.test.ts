import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { settle } from './up-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-settings-'));
after(() => rmSync(folder, { recursive: true }));

function withFile(content: unknown, name = 'custom.json'): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

it('uses the ports of Kafka, Connect and the registry, and a folder beside, when nothing is said', () => {
  const settings = settle({}, folder);
  assert.deepEqual(settings.ports, { kafka: 9092, connect: 8083, registry: 8081, console: 8080 });
  assert.equal(settings.host, '127.0.0.1');
  assert.equal(settings.data, join(folder, 'millrace-data'));
});

it('takes flags over the file over defaults, and reads paths in the file from where the file is', () => {
  const config = withFile({
    data: 'd',
    connectors: 'c',
    ports: { kafka: 1, connect: 2 },
    worker: { 'group.id': 'g', n: 1 },
  });
  const settings = settle({ config, kafkaPort: '0' }, '/');
  assert.equal(settings.data, join(folder, 'd'));
  assert.equal(settings.connectors, join(folder, 'c'));
  assert.deepEqual(settings.ports, { kafka: 0, connect: 2, registry: 8081, console: 8080 });
  assert.deepEqual(settings.worker, { 'group.id': 'g', n: '1' });
});

it('names the key or flag that is wrong', () => {
  const code = 'BAD_CONFIGURATION';
  assert.throws(() => settle({ config: withFile('{') }), { code, message: /custom.json is not valid JSON/ });
  assert.throws(() => settle({ config: withFile({ prots: {} }) }), { code, message: /unknown key "prots"/ });
  assert.throws(() => settle({ config: withFile({ ports: { kafka: 'x' } }) }), { code, message: /"ports"."kafka"/ });
  assert.throws(() => settle({ config: withFile({ data: 1 }) }), { code, message: /"data" is no text/ });
  assert.throws(() => settle({ config: withFile({ worker: [] }) }), { code, message: /"worker" is no object/ });
  assert.throws(() => settle({ config: join(folder, 'absent.json') }), { code, message: /Cannot read/ });
  assert.throws(() => settle({ kafkaPort: '99999' }, folder), { code: 'USAGE', message: /--kafka-port/ });
  assert.throws(() => settle({ logLevel: 'loud' }, folder), { code: 'USAGE' });
});

it('lets only the broker listen beyond loopback: it alone can ask for a password', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.org']) {
    const settings = settle({ host }, folder);
    assert.deepEqual([settings.host, settings.restHost], [host, '127.0.0.1']);
  }
  const local = settle({ host: 'localhost' }, folder);
  assert.deepEqual([local.host, local.restHost], ['localhost', 'localhost']);
});
