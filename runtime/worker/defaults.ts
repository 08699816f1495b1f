/**
 * What a worker converts with when nothing is said: shared by the running worker and by what judges configs without one.
 */

/** `schemas.enable` is off, as plain JSON is what people expect. */
const workerDefaults: Readonly<Record<string, string>> = {
  'key.converter': 'JsonConverter',
  'key.converter.schemas.enable': 'false',
  'value.converter': 'JsonConverter',
  'value.converter.schemas.enable': 'false',
  'header.converter': 'SimpleHeaderConverter',
};

/** A converter that is given brings its own keys; the defaults' keys do not apply to it. */
export function withDefaults(given: Readonly<Record<string, string>>): Record<string, string> {
  const isReplaced = (key: string) =>
    Object.keys(workerDefaults).some((name) => name in given && key.startsWith(`${name}.`));
  const kept = Object.entries(workerDefaults).filter(([key]) => !isReplaced(key));
  return { ...Object.fromEntries(kept), ...given };
}
