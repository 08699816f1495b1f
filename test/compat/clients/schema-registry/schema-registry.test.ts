/**
 * Other people's registry clients against ours, each logged in with Basic: @confluentinc/schemaregistry, confluent-kafka for
 * Python and franz-go's sr. (@kafkajs/confluent-schema-registry is a devDependency; its test stands in schemas/rest.)
 *
 * Installed by scripts/compat-install.sh. Where one is not there its tests are listed skips, which `CI_REQUIRE` turns into
 * failures.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { writeConditions } from '../../../../connectors/converters/data-rules.ts';
import { RecordCheck } from '../../../../schemas/record-check.ts';
import { PREFIX_BYTES } from '../../../../schemas/wire.ts';
import { startGuardedBroker } from '../../../kit/guarded-broker.ts';
import { registryOf } from '../../../kit/registry.ts';
import { cache, python, skipUnlessInstalled } from '../installed.ts';
import { run } from '../outside-client.ts';

/** What each client does; a registry of its own for each. */
const scenarios: Readonly<Record<string, string>> = {
  records: 'registers, looks up, serialises, deserialises and validates',
  compatibility: 'sets levels, asks for compatibility, and is refused with 409',
  references: 'registers with references, resolves them, and may not delete what is referred to',
  deletes: 'deletes softly and for good, by version and by subject',
};
const [user, password] = ['client', 'correct-horse'];

interface Client {
  readonly name: string;
  /** As CI_REQUIRE names it. */
  readonly requiredAs: string;
  /** URL, user info and scenario are appended. */
  readonly command: readonly [string, ...string[]];
  readonly installed: string;
}

const javascript: Client = {
  name: '@confluentinc/schemaregistry',
  requiredAs: 'schemaregistry',
  command: [process.execPath, join(import.meta.dirname, 'client.mjs'), join(cache, 'schemaregistry')],
  installed: join(cache, 'schemaregistry/node_modules/@confluentinc/schemaregistry'),
};
const clients: readonly Client[] = [
  javascript,
  {
    name: 'confluent-kafka (Python)',
    requiredAs: 'confluent-kafka',
    command: [python, '-W', 'ignore', join(import.meta.dirname, 'client.py')],
    installed: join(cache, 'python/schema-registry.installed'),
  },
  {
    name: "franz-go's sr",
    requiredAs: 'franz-go',
    command: [join(cache, 'registry-franz-go')],
    installed: join(cache, 'registry-franz-go'),
  },
];

for (const client of clients) {
  describe(client.name, () => {
    for (const [scenario, says] of Object.entries(scenarios)) {
      test(says, { skip: skipUnlessInstalled(client.requiredAs, client.installed) }, async (t) => {
        const { url } = await guardedRegistry(t);
        const { code, output } = await run([...client.command, url, `${user}:${password}`, scenario]);
        assert.equal(code, 0, output);
      });
    }
  });
}

describe('data rules of @confluentinc/schemaregistry', () => {
  test(
    'are kept as it wrote them, run by it, and judged alike by the broker’s check',
    { skip: skipUnlessInstalled(javascript.requiredAs, javascript.installed) },
    async (t) => {
      const registry = await guardedRegistry(t);
      const { code, output } = await run([...javascript.command, registry.url, `${user}:${password}`, 'rules']);
      assert.equal(code, 0, output);
      const bytes = Buffer.from(output.trim().split('\n').at(-1)!, 'hex');
      const check = new RecordCheck(registry.core, { conditions: writeConditions, usage: registry.usage });
      const wish = { strategy: 'topic', unframed: 'refuse' } as const;
      assert.equal(check.problem('js', 'value', bytes, [], wish), null);
      const beyond = Buffer.concat([bytes.subarray(0, PREFIX_BYTES), Buffer.from('{"id":"a","lat":91.5}')]);
      assert.match(check.problem('js', 'value', beyond, [], wish)!.message, /Rule "onEarth"/);
      assert.ok(registry.usage.of('.', 1).some(({ use, client }) => use === 'fetched' && client.includes('127.0.0.1')));
    },
  );
});

async function guardedRegistry(t: TestContext) {
  const { broker, addUser } = await startGuardedBroker(t, { protocol: 'SASL_PLAINTEXT' });
  await addUser(user!, password!);
  const logins = broker.security.logins();
  return registryOf(t, { config: { 'authentication.method': 'BASIC' }, logins });
}
