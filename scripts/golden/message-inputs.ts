/**
 * Random messages as Kafka's JSON converters read them: for each definition and version one that is full, one that is
 * as empty as it may be, and a few in between. The developer script `make-golden.ts` has Kafka turn them into bytes.
 */
import { type Field, type MessageDefinition, type Shape, type Struct, structsOf } from '../protocol/definition.ts';
import { parseRange, VersionRange } from '../protocol/version-range.ts';

export interface MessageInput {
  readonly name: string;
  readonly version: number;
  readonly json: Json;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `full` fills everything, `empty` leaves out what it may, `random` tosses a coin each time. */
type Fill = 'full' | 'empty' | 'random';

const fills: readonly Fill[] = ['full', 'empty', 'random', 'random', 'random', 'random'];
const maxElements = 3;

/** A small generator with a seed (mulberry32), so that the vectors come out the same on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Below one. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.integer(0, 255)));
  }
}

/** All inputs of a message, in the order of their versions. */
export function inputsOf(message: MessageDefinition, random: Random): MessageInput[] {
  const valid = parseRange(message.validVersions);
  const structs = new Map(structsOf(message).map((struct) => [struct.name, struct]));
  const inputs: MessageInput[] = [];
  for (let version = valid.low; version <= valid.high; version++) {
    for (const fill of fills) {
      const json = new Filler(structs, version, fill, random).struct(message.name);
      inputs.push({ name: message.name, version, json });
    }
  }
  return inputs;
}

class Filler {
  readonly #structs: ReadonlyMap<string, Struct>;
  readonly #version: VersionRange;
  readonly #fill: Fill;
  readonly #random: Random;

  constructor(structs: ReadonlyMap<string, Struct>, version: number, fill: Fill, random: Random) {
    this.#structs = structs;
    this.#version = new VersionRange(version, version);
    this.#fill = fill;
    this.#random = random;
  }

  struct(name: string): Json {
    const fields = this.#structs.get(name)!.fields.filter((field) => field.versions.contains(this.#version));
    const members = fields.filter((field) => !this.#isLeftOut(field)).map((field) => [field.name, this.#field(field)]);
    return Object.fromEntries(members) as Json;
  }

  #isLeftOut(field: Field): boolean {
    return field.tagged.contains(this.#version) && this.#isEmpty();
  }

  #isEmpty(): boolean {
    return this.#fill === 'empty' || (this.#fill === 'random' && this.#random.fraction() < 0.4);
  }

  #field(field: Field): Json {
    if (field.nullable.contains(this.#version) && this.#isEmpty()) return null;
    return this.#value(field.shape);
  }

  #value(shape: Shape): Json {
    if (shape.kind === 'struct') return this.struct(shape.struct);
    if (shape.kind === 'primitive') return this.#primitive(shape.type);
    const length = this.#isEmpty() ? 0 : this.#random.integer(1, maxElements);
    return Array.from({ length }, () => this.#value(shape.element));
  }

  #primitive(type: string): Json {
    const random = this.#random;
    switch (type) {
      case 'bool':
        return this.#fill === 'full' || (this.#fill === 'random' && random.fraction() < 0.5);
      case 'int8':
        return random.pick([0, -1, 127, -128, random.integer(-128, 127)]);
      case 'int16':
        return random.pick([0, -1, 32767, -32768, random.integer(-32768, 32767)]);
      case 'uint16':
        return random.pick([0, 65535, random.integer(0, 65535)]);
      case 'int32':
        return random.pick([0, -1, 2 ** 31 - 1, -(2 ** 31), random.integer(-(2 ** 31), 2 ** 31 - 1)]);
      case 'uint32':
        return random.pick([0, 2 ** 32 - 1, random.integer(0, 2 ** 32 - 1)]);
      case 'int64':
        return random.pick([0, -1, -2, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), random.integer(-(2 ** 52), 2 ** 52)]);
      case 'float64':
        return random.pick([0.5, -1234567.125, random.fraction()]);
      case 'uuid':
        return random.bytes(16).toString('base64url');
      case 'bytes':
      case 'records':
        return random.bytes(this.#isEmpty() ? 0 : random.pick([1, 20, 130])).toString('base64');
      default:
        return this.#isEmpty() ? '' : random.pick(['a', 'orders', 'größe-√', 'x'.repeat(random.pick([5, 126, 130]))]);
    }
  }
}
