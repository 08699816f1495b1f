/**
 * The promise of the quick way: what it takes, JSON.parse and ajv take, whatever the schema and however the bytes are spelled.
 *
 * SEED and SCHEMAS in the environment look further; a failure prints schema, seed and bytes.
 */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { DRAFTS } from '../../parse/drafts.ts';
import type { JsonValue } from '../../parse/json-text.ts';
import { DEFAULT_LIMITS, parseSchema } from '../../parse/parse-schema.ts';
import { Facts } from '../../sound/facts.ts';
import { RandomSchemas } from '../../sound/random-schemas.ts';
import { predicateOf } from '../../sound/reading.ts';
import { Random } from '../../sound/search/random.ts';
import { Samples } from '../../sound/search/samples.ts';
import { type BytesValidator, compileForBytes } from '../compile.ts';
import { planOf } from './plan.ts';
import { judgeOf } from './walk.ts';

const SEED = Number(process.env.SEED ?? 1);
const SCHEMAS = Number(process.env.SCHEMAS ?? 60);
const RECORDS = 40;
const SPELLINGS = 4;

/** What has the last word: the bytes as a record, judged by ajv. */
function isValid({ validate }: BytesValidator, bytes: Buffer): boolean {
  try {
    return validate(JSON.parse(bytes.toString())) === true;
  } catch {
    return false;
  }
}

/** JSON of the value with white space, escapes and doubled members that change nothing or much. */
function spelled(value: JsonValue, random: Random): string {
  const blank = () => (random.below(6) === 0 ? random.pick([' ', '\n\t', '\r  ']) : '');
  const text = (content: string): string =>
    random.below(8) === 0
      ? `"${[...content].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(content);
  const write = (each: JsonValue): string => {
    if (typeof each === 'string') return text(each);
    if (typeof each === 'number' && random.below(4) === 0) return `${each}${each % 1 === 0 ? '.0' : '0'}e0`;
    if (each === null || typeof each !== 'object') return JSON.stringify(each);
    if (Array.isArray(each)) return `[${blank()}${each.map(write).join(`${blank()},${blank()}`)}${blank()}]`;
    const members = Object.entries(each).map(([name, member]) => [text(name), write(member)]);
    if (members.length > 0 && random.below(6) === 0) members.push([random.pick(members)[0]!, random.pick(members)[1]!]);
    return `{${blank()}${members.map(([name, member]) => `${name}${blank()}:${blank()}${member}`).join(`${blank()},`)}${blank()}}`;
  };
  return blank() + write(value) + blank();
}

/** The bytes with a few of them changed, left out or doubled. */
function damaged(bytes: Buffer, random: Random): Buffer {
  let next = Buffer.from(bytes);
  for (let changes = 1 + random.below(2); changes > 0 && next.length > 0; changes--) {
    const at = random.below(next.length);
    const other = Buffer.from(
      random.pick(['"', '\\', ',', ':', '{', '}', ']', '0', '-', '.', 'e', '1', '\u0001', ' ', 'é']),
    );
    const kind = random.below(4);
    if (kind === 0) next = next.subarray(0, at);
    else if (kind === 1) next[at] = random.below(256);
    else next = Buffer.concat([next.subarray(0, at), kind === 2 ? other : Buffer.of(), next.subarray(at + 1)]);
  }
  return next;
}

describe('random records in the bytes of random schemas', () => {
  for (const draft of DRAFTS) {
    it(`in ${draft} are never taken where ajv refuses them`, async () => {
      let [valid, taken] = [0, 0];
      for (let seed = SEED * 1_000_000; seed < SEED * 1_000_000 + SCHEMAS; seed++) {
        const schemas = new RandomSchemas(seed, draft);
        const random = new Random(seed);
        const schema = JSON.stringify(schemas.document());
        const validator = compileForBytes(schema, []);
        const predicate = predicateOf(await parseSchema(schema, [], DEFAULT_LIMITS));
        const telling = new Samples(random).of(new Facts([predicate]), predicate);
        const values = Array.from({ length: RECORDS }, () => schemas.value(3));
        for (const value of telling) if (values.push(value) >= RECORDS * 2) break;
        for (const value of values) {
          for (let i = 0; i < SPELLINGS; i++) {
            const whole = Buffer.from(i === 0 ? JSON.stringify(value) : spelled(value, random));
            const bytes = i === SPELLINGS - 1 ? damaged(whole, random) : whole;
            const [verdict, quick] = [isValid(validator, bytes), validator.fits(bytes, 0)];
            if (verdict) valid++;
            if (quick) taken++;
            assert.ok(verdict || !quick, `seed ${seed}, ${draft}\n${schema}\n${bytes.toString()} is refused by ajv`);
          }
        }
        // Other tests run beside this one.
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(taken > valid / 20, `only ${taken} of ${valid} valid records went the quick way`);
    });
  }
});

const object = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } }, required: ['a'] };
const closed = { ...object, additionalProperties: false };

/** Schema, bytes, and what the quick way says: true, or false for "ask ajv". */
const CASES: readonly (readonly [name: string, schema: unknown, bytes: string | Buffer, quick: boolean])[] = [
  ['a whole record', object, '{"a":1,"b":"x"}', true],
  ['members in another order', object, '{"b":"x","a":1}', true],
  ['white space wherever it may be', object, ' \n{ "a"\t:\r1 , "b" : "x" } ', true],
  ['white space that is none', object, '{"a":1,\u000b"b":"x"}', false],
  ['a record with more behind it', object, '{"a":1}{', false],
  ['a comma too many', object, '{"a":1,}', false],
  ['a required member that is not there', object, '{"b":"x"}', false],
  ['a required member that comes twice', { ...object, required: ['a', 'b'] }, '{"a":1,"a":2}', false],
  ['a name that comes twice, the last one wrong', object, '{"a":1,"a":"x"}', false],
  ['a name that comes twice, the first one wrong', object, '{"a":"x","a":1}', false],
  ['an escaped name that is a declared one', closed, '{"\\u0061":1}', false],
  ['a name beyond ASCII that is declared', { properties: { é: { type: 'null' } } }, '{"é":1}', false],
  [
    'bytes that are read as a declared name',
    { properties: { '\uFFFD': false } },
    Buffer.from('{"\xff":1}', 'latin1'),
    false,
  ],
  ['another member where none may be', closed, '{"a":1,"c":1}', false],
  ['another member where any may be', object, '{"a":1,"c":{"d":[1,null,true,false,"\\n"]}}', true],
  ['a name that every object has', closed, '{"a":1,"__proto__":1}', false],
  ['a schema with a name that every object has', { required: ['toString'] }, '{"toString":1}', false],
  ['escapes in a free text', object, '{"a":1,"b":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d"}', true],
  ['an escape that is none', object, '{"a":1,"b":"\\x"}', false],
  ['an escape that is cut', object, '{"a":1,"b":"\\u12', false],
  ['a control character in a text', object, '{"a":1,"b":"\u0001"}', false],
  ['bytes that are no UTF-8 in a free text', object, Buffer.from('{"a":1,"b":"\xe2\x82"}', 'latin1'), true],
  ['a byte order mark', object, '\ufeff{"a":1}', false],
  ['an integer with a point', object, '{"a":1.0}', true],
  ['a number that is no integer', object, '{"a":1.5}', false],
  ['a zero in front', object, '{"a":01}', false],
  ['a number of one sign', object, '{"a":-}', false],
  ['a number that ends in a point', object, '{"a":1.}', false],
  ['an exponent', object, '{"a":1E2}', true],
  ['an exponent that is cut', object, '{"a":1e', false],
  ['a number beyond all doubles', { type: 'number' }, '1e400', false],
  ['a limit that rounding reaches', { maximum: 0.3 }, '0.30000000000000001', true],
  ['a limit that is just missed', { maximum: 0.3 }, '0.30000000000000005', false],
  ['more digits than a double holds', { exclusiveMaximum: 9007199254740992 }, '9007199254740992.5', false],
  ['digits that 32 bits do not hold', { minimum: 4294967296 }, '4294967297', true],
  ['a decimal that doubles deny', { multipleOf: 0.01 }, '19.99', true],
  ['a negative zero', { minimum: 0 }, '-0', true],
  ['a constant in its own spelling', { enum: [1, 'a"b', { x: [null] }] }, '{"x":[null]}', true],
  ['a constant in another spelling', { enum: [1] }, '1.0', false],
  ['letters beyond ASCII where they are counted', { maxLength: 1 }, '"é"', false],
  ['a pattern of sets', { pattern: '^T[0-9]{4}$' }, '"T0001"', true],
  ['a pattern that takes more than it should', { pattern: '^a*a$' }, '"aaa"', false],
  ['a pattern for the engine', { pattern: 'b|c' }, '"abc"', true],
  ['a pattern that allows what follows', { pattern: '^a' }, '"abc"', true],
  ['a time', { format: 'date-time' }, '"2026-01-31T12:00:00.123+02:00"', true],
  ['a day that is not', { format: 'date-time' }, '"2026-02-30T12:00:00Z"', false],
  ['another format', { format: 'ipv4' }, '"192.0.2.1"', true],
  ['another format not kept', { format: 'ipv4' }, '"192.0.2"', false],
  ['one of several types', { type: ['string', 'null'] }, 'null', true],
  ['null or a number, as connectors write it', { oneOf: [{ type: 'null' }, { type: 'number' }] }, '2.5', true],
  ['options that overlap', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, '2', false],
  ['a reference', { definitions: { d: { type: 'integer' } }, items: { $ref: '#/definitions/d' } }, '[1,2]', true],
  ['a reference to itself', { properties: { a: { $ref: '#' } } }, '{"a":{}}', false],
  ['a keyword that is not planned', { not: { type: 'string' } }, '1', false],
  ['items that are too many', { maxItems: 1 }, '[1,2]', false],
  ['nothing at all', {}, '', false],
  ['a literal that is cut', {}, 'tru', false],
  ['values as deep as the stack is asked for', {}, '['.repeat(100) + ']'.repeat(100), true],
  ['values deeper than that', {}, '['.repeat(100_000) + ']'.repeat(100_000), false],
];

test('What is unusual in bytes is either known for certain or left to ajv', () => {
  for (const [name, schema, text, quick] of CASES) {
    const validator = compileForBytes(JSON.stringify(schema), []);
    const bytes = Buffer.from(text);
    assert.equal(validator.fits(bytes, 0), quick, name);
    if (quick) assert.equal(isValid(validator, bytes), true, name);
  }
});

test('A record that is cut anywhere is not taken', () => {
  const validator = compileForBytes(JSON.stringify(object), []);
  const whole = Buffer.from('{"a":-1.5e0,"b":"x\\u0041","c":[true,false,null,{}]}'.replace('-1.5e0', '12'));
  assert.equal(validator.fits(whole, 0), true);
  for (let end = 0; end < whole.length; end++) assert.equal(validator.fits(whole.subarray(0, end), 0), false, `${end}`);
});

test('Every number is read as JSON.parse reads it', () => {
  const random = new Random(SEED);
  const digits = (most: number) => Array.from({ length: 1 + random.below(most) }, () => random.below(10)).join('');
  for (let i = 0; i < 20_000; i++) {
    const whole = String(BigInt(digits(12)));
    const text = `${random.pick(['', '-'])}${whole}${random.pick(['', `.${digits(9)}`, `e${random.below(20)}`, `.${digits(20)}E-${random.below(30)}`])}`;
    const value = JSON.parse(text) as number;
    if (!Number.isFinite(value)) continue;
    const isThat = judgeOf(planOf({ minimum: value, maximum: value }, () => true)!);
    assert.equal(isThat(Buffer.from(text), 0), true, text);
  }
});

test('A schema whose records are mostly beyond the quick way is soon judged by ajv alone', () => {
  const { fits } = compileForBytes('{"maxLength":3}', []);
  const [plain, beyond] = [Buffer.from('"abc"'), Buffer.from('"é"')];
  for (let i = 0; i < 999; i++) fits(beyond, 0);
  assert.equal(fits(plain, 0), true);
  fits(beyond, 0);
  fits(beyond, 0);
  assert.equal(fits(plain, 0), false);
});
