/**
 * The built-in plugins by name: the only file that imports them all.
 *
 * Only declarations are loaded from here. A plugin with a heavy library below it (pg, mqtt, ajv) imports that inside
 * its `create`, so that a house that does not use it does not pay for it at start.
 */
import type { Plugin } from './api/index.ts';

/** Every plugin that ships with Millrace, in the order `GET /connector-plugins` lists them. */
export const catalogue: readonly Plugin[] = [];
