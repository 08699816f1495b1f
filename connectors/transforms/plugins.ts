/** The transforms and predicates, for the catalogue. */
import type { Plugin } from '../api/index.ts';
import { byLogicalTableRouterPlugin } from './by-logical-table-router.ts';
import { castPlugins } from './cast.ts';
import { collectionNameTransformationPlugin } from './collection-name-transformation.ts';
import { eventRouterPlugin } from './event-router.ts';
import { extractFieldPlugins } from './extract-field.ts';
import { extractNewRecordStatePlugin } from './extract-new-record-state.ts';
import { fieldNameTransformationPlugin } from './field-name-transformation.ts';
import { filterPlugins } from './filter.ts';
import { flattenPlugins } from './flatten.ts';
import { headerPlugins } from './headers.ts';
import { hoistFieldPlugins } from './hoist-field.ts';
import { insertFieldPlugins } from './insert-field.ts';
import { maskFieldPlugins } from './mask-field.ts';
import { predicatePlugins } from './predicates/predicates.ts';
import { regexRouterPlugins } from './regex-router.ts';
import { replaceFieldPlugins } from './replace-field.ts';
import { setPlugin } from './set.ts';
import { setSchemaMetadataPlugins } from './set-schema-metadata.ts';
import { timestampConverterPlugins } from './timestamp-converter.ts';
import { timestampRouterPlugins } from './timestamp-router.ts';
import { valueToKeyPlugins } from './value-to-key.ts';
import { wherePlugin } from './where.ts';

export const transformPlugins: readonly Plugin[] = [
  byLogicalTableRouterPlugin,
  ...castPlugins,
  collectionNameTransformationPlugin,
  eventRouterPlugin,
  ...extractFieldPlugins,
  extractNewRecordStatePlugin,
  fieldNameTransformationPlugin,
  ...filterPlugins,
  ...flattenPlugins,
  ...headerPlugins,
  ...hoistFieldPlugins,
  ...insertFieldPlugins,
  ...maskFieldPlugins,
  ...regexRouterPlugins,
  ...replaceFieldPlugins,
  ...setSchemaMetadataPlugins,
  setPlugin,
  ...timestampConverterPlugins,
  ...timestampRouterPlugins,
  ...valueToKeyPlugins,
  wherePlugin,
  ...predicatePlugins,
];
