/**
 * What a worker's parts share: the ports and stores, the plugins, the worker's own settings.
 */
import type { Config, SchemaRegistry } from '../../connectors/api/index.ts';
import type { LogClient } from '../log/client.ts';
import type { PluginPath } from '../plugins/plugin-path.ts';
import type { ConfigStore } from '../stores/config-store.ts';
import type { OffsetStores } from '../stores/offset-store.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import type { StatusStore } from '../stores/status-store.ts';
import type { ConfigProviders } from './config-providers.ts';
import type { Loggers } from './loggers.ts';
import type { WorkerMeasures } from './measure.ts';
import type { Raw } from './plan.ts';
import type { Plugins } from './plugins.ts';
import type { LoopSettings } from './task-environment.ts';

export interface Services {
  readonly log: LogClient;
  readonly registry: SchemaRegistry | undefined;
  readonly plugins: Plugins;
  readonly pluginPath: PluginPath;
  readonly providers: ConfigProviders;
  readonly secrets: SecretStore;
  readonly configs: ConfigStore;
  readonly offsets: OffsetStores;
  readonly statuses: StatusStore;
  readonly loggers: Loggers;
  /** The worker's keys, parsed and as written (converter sub-keys). */
  readonly settings: Config;
  readonly raw: Raw;
  readonly loop: LoopSettings;
  readonly measures: WorkerMeasures;
}
