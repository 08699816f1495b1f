/**
 * The formats our validators know (ajv-formats'), one by one, for judging a value without compiling a schema.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

type Test = RegExp | ((value: never) => boolean);
type Format = true | Test | { readonly type?: string; readonly validate: Test };

let known: Readonly<Record<string, Format>> | null = null;
const anything = (): boolean => true;

/** A judge of values: what is not of the format's type fits, and so does everything in a format nobody knows. */
export function formatJudge(name: string): (value: unknown) => boolean {
  known ??= (load('ajv-formats/dist/formats.js') as { fullFormats: Record<string, Format> }).fullFormats;
  const format = Object.hasOwn(known, name) ? known[name] : undefined;
  if (format === undefined || format === true) return anything;
  const { type = 'string', validate } =
    format instanceof RegExp || typeof format === 'function' ? { validate: format } : format;
  return (value) => {
    if (typeof value !== type) return true;
    return validate instanceof RegExp ? validate.test(value as string) : validate(value as never);
  };
}

/** Whether a format restricts anything. */
export function isKnownFormat(name: string): boolean {
  return formatJudge(name) !== anything;
}
