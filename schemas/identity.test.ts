/** GUIDs: a digest over text, references, metadata and rules, the same in every Confluent-compatible registry. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { guidOf } from './identity.ts';

const PLAIN = { schema: '{"type":"string"}', references: [], metadata: null, ruleSet: null };

function md5Uuid(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

describe('the GUID of a schema', () => {
  it('is the MD5 of its text when there is nothing else', () => {
    assert.equal(guidOf(PLAIN), md5Uuid('{"type":"string"}'));
  });

  it('takes in references as name, subject and version in four bytes', () => {
    const references = [{ name: 'n', subject: 's', version: 2 }];
    assert.equal(guidOf({ ...PLAIN, references }), md5Uuid(PLAIN.schema, 'ns', Buffer.of(0, 0, 0, 2)));
  });

  it('tells empty metadata from none, and does not depend on the order it was written in', () => {
    assert.equal(guidOf({ ...PLAIN, metadata: {} }), md5Uuid(PLAIN.schema, Buffer.of(1)));
    const metadata = { tags: { b: ['y', 'x'], a: ['z'] }, properties: { q: '2', p: '1' }, sensitive: ['s2', 's1'] };
    assert.equal(guidOf({ ...PLAIN, metadata }), md5Uuid(PLAIN.schema, Buffer.of(1), 'azbxyp1q2s1s2'));
  });

  it('takes in the rules in their order', () => {
    const rule = { name: 'r', doc: 'd', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'true', disabled: true };
    assert.equal(
      guidOf({ ...PLAIN, ruleSet: { domainRules: [rule] } }),
      md5Uuid(PLAIN.schema, Buffer.of(1), 'rdCONDITIONWRITECELtrue', Buffer.of(1)),
    );
  });
});
