/**
 * The source connector: change capture from one database, one task (a slot has one reader).
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type PreviewRequest,
  type SourceConnector,
  type SourceRecord,
  type SourceTask,
  type TaskConfig,
} from '../../api/index.ts';
import { ConnectionLost, toConnectError } from '../errors.ts';
import { WireConnection } from '../wire/connection.ts';
import { sourceSettings } from './config/source-config.ts';
import { operationProblems, preflight, spoolProblems } from './server/preflight.ts';
import { wireOptions } from './server/sessions.ts';
import { signalTableProblems } from './server/signal-table.ts';
import { obstacles } from './server/start-obstacles.ts';
import { sampleRows } from './snapshot/sample.ts';
import { PostgresSourceTask } from './source-task.ts';

/** invalid_catalog_name */
const NO_SUCH_DATABASE = 'answered 3D000';

export class PostgresSource implements SourceConnector {
  readonly #isCompatible: boolean;

  /** `isCompatible`: whether values are Debezium's to the last character. */
  constructor(isCompatible: boolean) {
    this.#isCompatible = isCompatible;
  }

  start(): void {}

  taskConfigs(): readonly TaskConfig[] {
    return [{}];
  }

  createTask(): SourceTask {
    return new PostgresSourceTask(this.#isCompatible);
  }

  stop(): void {}

  sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    return sampleRows(sourceSettings(config, this.#isCompatible), max, request);
  }

  /** Connects and lists what is missing on the server; a server that is away is a problem of its address. */
  async check(config: Config): Promise<readonly ConfigProblem[]> {
    let connection: WireConnection | null = null;
    try {
      const settings = sourceSettings(config, this.#isCompatible);
      connection = await WireConnection.open(wireOptions(settings, 'check'));
      const rest = [...(await spoolProblems(settings)), ...(await obstacles(connection, settings))];
      const missed = [
        ...(await operationProblems(connection, settings)),
        ...(await signalTableProblems(connection, settings)),
      ];
      return [...(await preflight(connection, settings)), ...missed, ...rest];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      const { message, code } = toConnectError(error, 'checking the source');
      const key = keyOf(code, message);
      const advice = 'Check database.hostname and database.port, and that the server listens there (listen_addresses).';
      const told = error instanceof ConnectionLost ? `${error.message} ${advice}` : message;
      return [{ key, value: config.raw[key] ?? null, message: told }];
    } finally {
      await connection?.close();
    }
  }
}

/** The key that a failed connection speaks of. */
function keyOf(code: string, message: string): string {
  if (code === 'PG_AUTHENTICATION') return 'database.user';
  return message.includes(NO_SUCH_DATABASE) ? 'database.dbname' : 'database.hostname';
}
