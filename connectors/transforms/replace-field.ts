/** ReplaceField: keeps, drops and renames fields; exclude wins over include. */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  JsonText,
  type RecordValue,
  type Schema,
  type Transform,
} from '../api/index.ts';
import { isParsedAnyway, ObjectText } from './object-text.ts';
import {
  fieldsOf,
  hasDefaults,
  likeOriginal,
  onBothSides,
  pairs,
  pairsProblem,
  perSchema,
  replaceNullWithDefault,
  type Side,
  withDefaults,
} from './side.ts';

interface Plan {
  /** In UTF-8; the new one in quotes, null where it is dropped, undefined where it stays. */
  readonly name: Uint8Array;
  readonly newName: Uint8Array | null | undefined;
  /** Another member may get this name, and this one keeps it: then one of them has to go. */
  readonly isTaken: boolean;
}

class ReplaceField implements Transform {
  readonly #side: Side;
  #include: ReadonlySet<string> = new Set();
  #exclude: ReadonlySet<string> = new Set();
  #renames: ReadonlyMap<string, string> = new Map();
  #replacesNull = true;
  /** What becomes of names in a text, as far as the config names them; null where two may become one. */
  #plans: readonly Plan[] | null = null;
  readonly #schemaOf = perSchema((schema): Schema => {
    const kept = (schema.fields ?? []).filter(({ name }) => this.#keeps(name));
    return { ...schema, fields: kept.map((field) => ({ ...field, name: this.#nameOf(field.name) })) };
  });

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    const listOf = (key: string, old: string) => config.list(config.list(key).length > 0 ? key : old);
    this.#exclude = new Set(listOf('exclude', 'blacklist'));
    this.#include = new Set(listOf('include', 'whitelist'));
    this.#renames = pairs(config.list('renames'));
    this.#plans = this.#planned();
  }

  #planned(): readonly Plan[] | null {
    const newNames = [...this.#renames.values()];
    if (new Set(newNames).size < newNames.length) return null;
    const names = new Set([...this.#exclude, ...this.#include, ...this.#renames.keys(), ...newNames]);
    return [...names].map((name) => {
      const newName = this.#inText(name);
      return { name: Buffer.from(name), newName, isTaken: newName === undefined && newNames.includes(name) };
    });
  }

  /** Null drops the member, undefined leaves its name, else it is the new one. */
  #inText(name: string): Buffer | null | undefined {
    if (!this.#keeps(name)) return null;
    return this.#renames.has(name) ? Buffer.from(JSON.stringify(this.#nameOf(name))) : undefined;
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const schema = this.#side.schema(record);
    const text = (this.#replacesNull && hasDefaults(schema)) || isParsedAnyway(record) ? null : this.#rewritten(value);
    if (text !== null) return this.#side.with(record, schema === null ? null : this.#schemaOf(schema), text);
    const fields = fieldsOf(value, 'field replacement');
    if (fields === null) return record;
    const replaced: Record<string, ConnectValue> = {};
    const whole = withDefaults(fields, schema, this.#replacesNull, value);
    for (const name in whole) if (this.#keeps(name)) replaced[this.#nameOf(name)] = whole[name]!;
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    return this.#side.with(record, newSchema, likeOriginal(value, this.#side.own(record, replaced), newSchema));
  }

  /** Null where the value has to be parsed. */
  #rewritten(value: RecordValue): JsonText | null {
    const plans = this.#plans;
    const object = plans === null ? null : ObjectText.of(value);
    if (plans === null || object === null) return null;
    const unnamed = this.#include.size === 0 ? undefined : null;
    const names: (Uint8Array | null | undefined)[] = [];
    for (let member = 0; member < object.count; member++) {
      const plan = planOf(plans, object, member);
      if (plan?.isTaken === true) return null;
      names.push(plan === null ? unnamed : plan.newName);
    }
    return new JsonText(object.rewritten(names));
  }

  #keeps(name: string): boolean {
    return !this.#exclude.has(name) && (this.#include.size === 0 || this.#include.has(name));
  }

  #nameOf(name: string): string {
    return this.#renames.get(name) ?? name;
  }
}

function planOf(plans: readonly Plan[], object: ObjectText, member: number): Plan | null {
  for (const plan of plans) if (object.isCalled(member, plan.name)) return plan;
  return null;
}

const list = (doc: string) => ({ type: 'list', default: [], doc, importance: 'medium' }) as const;

export const replaceFieldPlugins = onBothSides(
  'ReplaceField',
  {
    exclude: list('Fields to drop.'),
    include: list('Fields to keep; all others are dropped.'),
    renames: { ...list('Fields to rename, as old:new pairs.'), validate: pairsProblem },
    blacklist: list('The old name of exclude.'),
    whitelist: list('The old name of include.'),
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new ReplaceField(side),
  { leavesText: true },
);
