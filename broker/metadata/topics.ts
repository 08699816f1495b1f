/**
 * The topics of this broker: names, ids, partition counts and configs, kept durably in the metadata log. Signatures
 * first.
 */
import type { LogConfig } from '../log/config.ts';

export interface Topic {
  readonly name: string;
  /** Kafka's text form of a random UUID, new for each incarnation. */
  readonly topicId: string;
  readonly partitions: number;
  readonly isInternal: boolean;
  /** What was set on the topic itself. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Everything, parsed: overrides over the broker's defaults. */
  readonly config: LogConfig;
}

export interface NewTopic {
  readonly name: string;
  /** -1: `num.partitions`. */
  readonly partitions: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** Every change resolves when it is on disk; refusals are BrokerErrors. */
export interface Topics {
  get(name: string): Topic | undefined;
  byId(topicId: string): Topic | undefined;
  all(): Iterable<Topic>;
  /** One outcome per topic, in order: the topic, or why it was refused. */
  create(
    topics: readonly NewTopic[],
    options?: { readonly validateOnly?: boolean },
  ): Promise<readonly (Topic | Error)[]>;
  delete(name: string): Promise<void>;
  addPartitions(name: string, partitions: number): Promise<Topic>;
  /** Replaces all overrides. */
  configure(name: string, overrides: Readonly<Record<string, string>>): Promise<Topic>;
}
