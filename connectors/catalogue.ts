/**
 * The built-in plugins by name: the only file that imports them all.
 *
 * Only declarations are loaded from here. A plugin with a heavy library below it (pg, mqtt, ajv) imports that inside
 * its `create`, so that a house that does not use it does not pay for it at start.
 */
import type { Plugin } from './api/index.ts';
import { bullmqPlugins } from './bullmq/plugins.ts';
import { asHeaderConverter } from './converters/as-header-converter.ts';
import { bytesPlugin } from './converters/bytes.ts';
import { cloudEventsPlugin } from './converters/cloud-events.ts';
import { jsonPlugin } from './converters/json.ts';
import { jsonSchemaPlugin } from './converters/json-schema-plugin.ts';
import { numberPlugins } from './converters/numbers.ts';
import { simpleHeaderPlugin } from './converters/simple-header.ts';
import { stringPlugin } from './converters/string.ts';
import { filePlugins } from './file/plugins.ts';
import { httpPlugins } from './http/plugins.ts';
import { mqttPlugins } from './mqtt/plugins.ts';
import { postgresPlugins } from './postgres/plugins.ts';
import { simPlugins } from './sim/plugins.ts';
import { transformPlugins } from './transforms/plugins.ts';

const plainConverters = [jsonPlugin, stringPlugin, bytesPlugin, ...numberPlugins];

/** Every plugin that ships with Millrace, in the order `GET /connector-plugins` lists them. */
export const catalogue: readonly Plugin[] = [
  ...postgresPlugins,
  ...mqttPlugins,
  ...filePlugins,
  ...bullmqPlugins,
  ...httpPlugins,
  ...simPlugins,
  jsonPlugin,
  jsonSchemaPlugin,
  cloudEventsPlugin,
  stringPlugin,
  bytesPlugin,
  ...numberPlugins,
  simpleHeaderPlugin,
  ...plainConverters.map(asHeaderConverter),
  ...transformPlugins,
];
