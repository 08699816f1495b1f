/** The SchemaRegistry port of connectors/api kept by a registry in the same process: no HTTP in between. */
import type { SchemaRegistry } from '../connectors/api/index.ts';
import type { RegistryCore } from './core.ts';

/** Hand this to the worker as the registry of its converters. */
export function inProcessRegistry(_core: RegistryCore): SchemaRegistry {
  throw new Error('The registry is being built.');
}
