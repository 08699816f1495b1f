/**
 * The sink connector: every task writes the partitions it is given; the keys are the same for all.
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type TaskConfig,
} from '../../api/index.ts';
import { toConnectError } from '../errors.ts';
import { openSinkClient } from './sink-client.ts';
import { sinkSettings } from './sink-config.ts';
import { explainRecords } from './sink-explain.ts';
import type { SinkDialect } from './sink-keys.ts';
import { PostgresSinkTask } from './sink-task.ts';

export class PostgresSink implements SinkConnector {
  readonly #dialect: SinkDialect;

  constructor(dialect: SinkDialect) {
    this.#dialect = dialect;
  }

  start(): void {}

  taskConfigs(maxTasks: number): readonly TaskConfig[] {
    return Array.from({ length: maxTasks }, () => ({}));
  }

  createTask(): SinkTask {
    return new PostgresSinkTask(this.#dialect);
  }

  stop(): void {}

  explain(config: Config, records: readonly SinkRecord[]): Promise<readonly string[]> {
    return explainRecords(sinkSettings(config, this.#dialect), records);
  }

  /** Connects and asks whether the user may write; keys that contradict one another are problems too. */
  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      const settings = sinkSettings(config, this.#dialect);
      const client = await openSinkClient(settings, 'check', () => {});
      const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
      await client.end();
      if (!rows[0]!.standby) return [];
      const message = 'The target is a standby, which takes no writes. Point connection.url at the primary.';
      return [{ key: 'connection.url', value: settings.url, message }];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      const { message } = toConnectError(error, 'checking the sink');
      return [{ key: 'connection.url', value: config.raw['connection.url'] ?? null, message }];
    }
  }
}
