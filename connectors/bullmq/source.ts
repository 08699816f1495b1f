/**
 * The job queue source: jobs or their events become records. Which of the two is the config's choice; the tasks are in
 * job-reader.ts and event-reader.ts. Step 1 of the record's journey.
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type PreviewRequest,
  type SourceConnector,
  type SourceRecord,
  type SourceTask,
  sampleTask,
} from '../api/index.ts';
import { checkQueue } from './check.ts';
import { type SourceSettings, sourceSettings } from './config.ts';
import { EventReader } from './event-reader.ts';
import { JobReader } from './job-reader.ts';
import { sampleJobs } from './sample.ts';

export class BullmqSource implements SourceConnector {
  #settings!: SourceSettings;

  start(_context: ConnectorContext, config: Config): void {
    this.#settings = sourceSettings(config);
  }

  /** Workers of one queue share its jobs; events have one order, and so one reader. */
  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const count = this.#settings.mode === 'events' ? 1 : maxTasks;
    return Array.from({ length: count }, () => ({}));
  }

  createTask(): SourceTask {
    return this.#settings.mode === 'events' ? new EventReader() : new JobReader();
  }

  stop(): void {}

  /** Following events changes nothing, so the task itself may; jobs are looked at where they wait. */
  async sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    const settings = sourceSettings(config);
    return settings.mode === 'events' ? sampleTask(new EventReader(), config, max, request) : sampleJobs(settings, max);
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      return await checkQueue(sourceSettings(config).url, false);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}
