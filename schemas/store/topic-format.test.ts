/** The bytes of `_schemas`: what Confluent's registry writes, and what older ones wrote. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeKey, encodeConfigValue, encodeKey, encodeModeValue, encodeSchemaValue } from './topic-format.ts';

describe('the records of _schemas', () => {
  it('have the keys that compaction of a Confluent topic knows, byte for byte', () => {
    const keys = [
      [{ keytype: 'SCHEMA', subject: 's', version: 3 }, '{"keytype":"SCHEMA","subject":"s","version":3,"magic":1}'],
      [{ keytype: 'CONFIG', subject: 's' }, '{"keytype":"CONFIG","subject":"s","magic":0}'],
      [{ keytype: 'CONFIG', subject: null }, '{"keytype":"CONFIG","magic":0}'],
      [{ keytype: 'MODE', subject: null }, '{"keytype":"MODE","magic":0}'],
      [{ keytype: 'DELETE_SUBJECT', subject: 's' }, '{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}'],
      [{ keytype: 'NOOP' }, '{"keytype":"NOOP","magic":0}'],
    ] as const;
    for (const [key, text] of keys) {
      assert.equal(encodeKey(key).toString(), text);
      assert.deepEqual(decodeKey(Buffer.from(text)), key);
    }
  });

  it('have values without empty members', () => {
    const version = { subject: 's', version: 1, id: 7, schemaType: 'JSON', schema: '{}', deleted: false } as const;
    assert.equal(
      encodeSchemaValue({ ...version, references: [], metadata: null, ruleSet: null }).toString(),
      '{"subject":"s","version":1,"id":7,"schemaType":"JSON","schema":"{}","deleted":false}',
    );
    assert.equal(
      encodeSchemaValue({
        ...version,
        references: [{ name: 'n', subject: 't', version: 2 }],
        metadata: { properties: { owner: 'a' } },
        ruleSet: null,
      }).toString(),
      '{"subject":"s","version":1,"id":7,"schemaType":"JSON","references":[{"name":"n","subject":"t","version":2}],' +
        '"metadata":{"properties":{"owner":"a"}},"schema":"{}","deleted":false}',
    );
    assert.equal(
      encodeConfigValue('s', { compatibilityLevel: 'FULL', normalize: true }).toString(),
      '{"subject":"s","normalize":true,"compatibilityLevel":"FULL"}',
    );
    assert.equal(encodeModeValue(null, 'READONLY').toString(), '{"mode":"READONLY"}');
  });

  it('of Avro name no type, as in what people export from Confluent’s registry', () => {
    const schema = '{"type":"record","name":"Car","namespace":"c","fields":[{"name":"model","type":"string"}]}';
    const version = { subject: 'Car', version: 1, id: 2, schemaType: 'AVRO', schema, deleted: false } as const;
    assert.equal(
      encodeSchemaValue({ ...version, references: [], metadata: null, ruleSet: null }).toString(),
      '{"subject":"Car","version":1,"id":2,"schema":"{\\"type\\":\\"record\\",\\"name\\":\\"Car\\",\\"namespace\\":\\"c\\",' +
        '\\"fields\\":[{\\"name\\":\\"model\\",\\"type\\":\\"string\\"}]}","deleted":false}',
    );
  });

  it('are read in any order of members and with any magic, and left alone when they are none of ours', () => {
    assert.deepEqual(decodeKey(Buffer.from('{"magic":0,"subject":"s","version":1,"keytype":"SCHEMA"}')), {
      keytype: 'SCHEMA',
      subject: 's',
      version: 1,
    });
    for (const text of ['', 'x', '[]', 'null', '{"keytype":"ASSOC"}', '{"keytype":"SCHEMA","subject":"s"}']) {
      assert.equal(decodeKey(Buffer.from(text)), null, text);
    }
    assert.equal(decodeKey(null), null);
  });
});
