/**
 * The MQTT source connector: splits the filters over tasks. What a task does is in `source-task.ts`.
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type PreviewRequest,
  type SourceConnector,
  type SourceRecord,
} from '../api/index.ts';
import { checkBrokers } from './check.ts';
import { allFilters, mqttSettings, splitFilters } from './config.ts';
import { sampleMessages } from './sample.ts';
import { MqttSourceTask } from './source-task.ts';

/** One connector, any number of tasks. */
export class MqttSource implements SourceConnector {
  #config!: Config;

  start(_context: ConnectorContext, config: Config): void {
    this.#config = config;
    mqttSettings(config, 'check', 0);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const shares = splitFilters(this.#config, maxTasks);
    return shares.map((filters) => ({
      'mqtt.task.filters': JSON.stringify(filters),
      'mqtt.task.count': String(shares.length),
    }));
  }

  createTask(): MqttSourceTask {
    return new MqttSourceTask();
  }

  stop(): void {}

  async sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    return sampleMessages({ ...mqttSettings(config, 'preview', 0), filters: allFilters(config) }, max, request);
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      return await checkBrokers(mqttSettings(config, 'check', 0));
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}
