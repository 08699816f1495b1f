/** What makes a text a schema and what does not: every refusal names the reason and the place, and costs little. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegistryError } from '../errors.ts';
import { compactJson, positionBeyondDepth, sortedJson } from './json-text.ts';
import { DEFAULT_LIMITS, type NamedText, parseSchema } from './parse-schema.ts';

const parse = (text: string, references: readonly NamedText[] = []) => parseSchema(text, references, DEFAULT_LIMITS);

async function refused(text: string, references: readonly NamedText[] = []): Promise<RegistryError> {
  try {
    await parse(text, references);
  } catch (error) {
    assert.ok(error instanceof RegistryError, String(error));
    return error;
  }
  throw new Error(`was accepted: ${text.slice(0, 100)}`);
}

describe('a schema is accepted', () => {
  const accepted: Readonly<Record<string, string>> = {
    'in draft 4': '{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}',
    'in draft 6': '{"$schema":"http://json-schema.org/draft-06/schema#","const":1}',
    'in draft 7': '{"$schema":"http://json-schema.org/draft-07/schema","if":{},"then":{}}',
    'in draft 7 over https': '{"$schema":"https://json-schema.org/draft-07/schema#"}',
    'in 2019-09': '{"$schema":"https://json-schema.org/draft/2019-09/schema","dependentRequired":{"a":["b"]}}',
    'in 2020-12': '{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[true]}',
    'without a draft': '{"type":"object"}',
    'as a boolean': 'true',
    'with a name that is a keyword': '{"properties":{"$ref":{"type":"string"},"pattern":{"type":"string"}}}',
    'with a reference inside a value': '{"const":{"$ref":"#/nowhere"},"default":{"$ref":"x"}}',
    'recursive through a property': '{"properties":{"a":{"$ref":"#"}}}',
    'with an anchor':
      '{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#a","$defs":{"x":{"$anchor":"a"}}}',
    'with an identifier of its own': '{"$id":"http://x/root","$ref":"item","definitions":{"x":{"$id":"item"}}}',
    'with the meta-schema as a reference': '{"properties":{"s":{"$ref":"http://json-schema.org/draft-07/schema#"}}}',
    'with an escaped pointer': '{"$ref":"#/definitions/a~1b%25","definitions":{"a/b%":{"type":"string"}}}',
  };
  for (const [name, text] of Object.entries(accepted)) {
    it(name, async () => {
      await parse(text);
    });
  }

  it('with a reference that is among its references, by name, by base and into its inside', async () => {
    const other = { name: 'common.json', text: '{"definitions":{"id":{"type":"string"}}}' };
    await parse('{"properties":{"a":{"$ref":"common.json#/definitions/id"}}}', [other]);
    await parse('{"$id":"http://x/root.json","properties":{"a":{"$ref":"common.json"}}}', [other]);
    await parse('{"$id":"http://x/root.json","properties":{"a":{"$ref":"http://x/common.json"}}}', [other]);
  });
});

describe('a schema is refused', () => {
  const cases: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['when it is not JSON, with the position', '{"type":', /the text is not JSON: .*end of JSON/],
    ['when it is neither object nor boolean', '[1]', /an object or a boolean/],
    [
      'for a type that does not exist, with the place',
      '{"properties":{"a":{"type":"strin"}}}',
      /at #\/properties\/a\/type/,
    ],
    [
      'for a draft nobody knows',
      '{"$schema":"http://json-schema.org/draft-99/schema#"}',
      /draft-99.*none of the drafts/,
    ],
    ['for a draft that is no text', '{"$schema":7}', /"\$schema" is not a string/],
    [
      'for a dangling reference',
      '{"properties":{"a":{"$ref":"#/definitions/b"}}}',
      /#\/properties\/a\/\$ref leads nowhere/,
    ],
    ['for a reference out of the house', '{"$ref":"http://example.com/a.json"}', /nothing is fetched/],
    ['for a circle of one', '{"$ref":"#"}', /circle/],
    [
      'for a circle of two',
      '{"$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}}}',
      /circle/,
    ],
    ['for a pattern that is none', '{"pattern":"("}', /at #\/pattern is not a regular expression/],
    [
      'for a pattern that no engine matches in time',
      '{"pattern":"(a+)\\\\1+$"}',
      /at #\/pattern could be used to hold/,
    ],
    ['for a property pattern that is none', '{"patternProperties":{"[":{}}}', /not a regular expression/],
  ];
  for (const [name, text, message] of cases) {
    it(name, async () => {
      const error = await refused(text);
      assert.equal(error.errorCode, 42201);
      assert.match(error.message, message);
    });
  }

  it('above its size, with the number of another code', async () => {
    const error = await refused(`{"description":"${'x'.repeat(10 * 1024 * 1024)}"}`);
    assert.equal(error.errorCode, 42209);
    assert.match(error.message, /1048576 bytes/);
    assert.ok(error.message.length < 300);
  });

  it('beyond its depth, without the stack ending first', async () => {
    const levels = 10_000;
    const deep = `${'{"not":'.repeat(levels)}{}${'}'.repeat(levels)}`;
    assert.match((await refused(deep)).message, /nests deeper than 200 levels at character \d+/);
    assert.match((await refused('['.repeat(100_000))).message, /nests deeper/);
  });
});

describe('the text of a schema', () => {
  it('is kept without whitespace, in the order and with the numbers it was sent with', () => {
    const text = '{ "b" : 1.0 ,\n "2" : "a \\u0041 \\/ \\"x\\" }",\t"1":[ 1e2 , 12345678901234567890 ] }';
    assert.equal(compactJson(text), '{"b":1.0,"2":"a A / \\"x\\" }","1":[1e2,12345678901234567890]}');
    assert.equal(compactJson('{"a":1}'), '{"a":1}');
  });

  it('is sorted by name when it is normalized', () => {
    assert.equal(
      sortedJson('{ "b": {"z":1.0,"a":2}, "10":1, "9":[{"y":1,"x":2}] }'),
      '{"10":1,"9":[{"x":2,"y":1}],"b":{"a":2,"z":1.0}}',
    );
  });

  it('is measured in depth without being fooled by strings', () => {
    assert.equal(positionBeyondDepth('{"a":"[[[[\\"[["}', 1), -1);
    assert.equal(positionBeyondDepth('{"a":[1]}', 1), 5);
    assert.equal(positionBeyondDepth('"unfinished', 1), -1);
  });
});
