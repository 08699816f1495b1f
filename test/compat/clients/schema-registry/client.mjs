// @confluentinc/schemaregistry against our registry: `node client.mjs <folder it is installed in> <url> <user:password>
// <scenario>` ends with 0, or with the failure on stderr. What each scenario means stands in schema-registry.test.ts.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, url, userInfo, scenario] = process.argv.slice(2);
const load = createRequire(join(folder, 'package.json'));
const { CelExecutor, CelFieldExecutor, JsonDeserializer, JsonSerializer, SchemaRegistryClient, SerdeType } = {
  ...load('@confluentinc/schemaregistry'),
  ...load('@confluentinc/schemaregistry/dist/rules/cel/cel-executor.js'),
  ...load('@confluentinc/schemaregistry/dist/rules/cel/cel-field-executor.js'),
};

const truck = {
  type: 'object',
  properties: { id: { type: 'string', 'confluent:tags': ['PII'] }, lat: { type: 'number' } },
  required: ['id'],
  additionalProperties: false,
};
const wider = { ...truck, properties: { ...truck.properties, lon: { type: 'number' } } };
const broken = { ...truck, properties: { id: { type: 'integer' } } };
const schema = (definition, more = {}) => ({ schemaType: 'JSON', schema: JSON.stringify(definition), ...more });

const newClient = () =>
  new SchemaRegistryClient({
    baseURLs: [url],
    basicAuthCredentials: { credentialsSource: 'USER_INFO', userInfo },
    maxRetries: 0,
  });
const client = newClient();

async function refused(code, action) {
  await assert.rejects(action, (error) => error.errorCode === code || assert.fail(`wanted ${code}, got ${error}`));
}

const scenarios = {
  async records() {
    const serializer = new JsonSerializer(client, SerdeType.VALUE, {
      autoRegisterSchemas: false,
      useLatestVersion: true,
      validate: true,
    });
    const id = await client.register('js-value', schema(truck));
    const bytes = await serializer.serialize('js', { id: 'a', lat: 1.5 });
    assert.deepEqual([...bytes.subarray(0, 5)], [0, 0, 0, 0, id]);
    const deserializer = new JsonDeserializer(newClient(), SerdeType.VALUE, {});
    assert.deepEqual(await deserializer.deserialize('js', bytes), { id: 'a', lat: 1.5 });
    await assert.rejects(serializer.serialize('js', { lat: 1 }));
    assert.equal(await client.getId('js-value', schema(truck)), id);
    assert.deepEqual(await client.getAllSubjects(), ['js-value']);
    const { guid } = await client.getLatestSchemaMetadata('js-value');
    assert.match(guid, /^[0-9a-f-]{36}$/);
    assert.equal((await newClient().getByGuid(guid)).schema, JSON.stringify(truck));
  },

  async compatibility() {
    await client.register('js-value', schema(truck));
    await client.updateCompatibility('js-value', 'FULL');
    assert.equal(await newClient().getCompatibility('js-value'), 'FULL');
    await client.updateCompatibility('js-value', 'BACKWARD');
    assert.equal(await client.testSubjectCompatibility('js-value', schema(wider)), true);
    assert.equal(await client.testSubjectCompatibility('js-value', schema(broken)), false);
    await refused(409, client.register('js-value', schema(broken)));
  },

  async references() {
    await client.register('id', schema({ type: 'string' }));
    const references = [{ name: 'id.json', subject: 'id', version: 1 }];
    await client.register(
      'js-value',
      schema({ type: 'object', properties: { id: { $ref: 'id.json' } } }, { references }),
    );
    const serializer = new JsonSerializer(client, SerdeType.VALUE, {
      autoRegisterSchemas: false,
      useLatestVersion: true,
      validate: true,
    });
    const bytes = await serializer.serialize('js', { id: 'a' });
    assert.deepEqual(await new JsonDeserializer(newClient(), SerdeType.VALUE, {}).deserialize('js', bytes), {
      id: 'a',
    });
    await assert.rejects(serializer.serialize('js', { id: 1 }));
    await refused(42206, client.deleteSubject('id'));
  },

  async deletes() {
    await client.register('js-value', schema(truck));
    await client.deleteSubjectVersion('js-value', 1);
    await client.register('js-value', schema(wider));
    assert.deepEqual(await newClient().getAllVersions('js-value'), [2]);
    assert.deepEqual(await client.deleteSubject('js-value'), [2]);
    await refused(40401, newClient().getLatestSchemaMetadata('js-value'));
    await client.deleteSubject('js-value', true);
    assert.deepEqual(await client.getAllSubjects(), []);
  },

  async rules() {
    for (const executor of [new CelExecutor(), new CelFieldExecutor()])
      load('@confluentinc/schemaregistry').RuleRegistry.registerRuleExecutor(executor);
    const domainRules = [
      { name: 'onEarth', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'message.lat <= 90.0' },
      {
        name: 'mask',
        kind: 'TRANSFORM',
        mode: 'READ',
        type: 'CEL_FIELD',
        tags: ['PII'],
        expr: "typeName == 'STRING' ; '***'",
      },
    ];
    await client.register('js-value', schema(truck, { ruleSet: { domainRules } }));
    const serializer = new JsonSerializer(client, SerdeType.VALUE, {
      autoRegisterSchemas: false,
      useLatestVersion: true,
    });
    const bytes = await serializer.serialize('js', { id: 'a', lat: 1.5 });
    process.stdout.write(`${bytes.toString('hex')}\n`);
    assert.deepEqual(await new JsonDeserializer(newClient(), SerdeType.VALUE, {}).deserialize('js', bytes), {
      id: '***',
      lat: 1.5,
    });
    await assert.rejects(serializer.serialize('js', { id: 'a', lat: 91.5 }), /onEarth/);
  },
};

await scenarios[scenario]();
