/**
 * The registry's log kept in a Kafka topic, by default `_schemas`: one partition, compacted, for ever.
 *
 * Knows no broker: it uses the few calls of runtime/log/client.ts's LogClient that are declared here.
 */

/** The part of a log client that the registry uses; runtime's LogClient fits as it is. */
export interface RegistryLog {
  createTopics(
    topics: readonly {
      readonly topic: string;
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly config?: Readonly<Record<string, string>>;
    }[],
  ): Promise<readonly string[]>;
  producer(options: { readonly clientId: string; readonly acks?: 'all' | 1 }): RegistryLogProducer;
  table(
    topic: string,
    onRecord: (record: {
      readonly offset: number;
      readonly timestamp: number;
      readonly key: Buffer | null;
      readonly value: Buffer | null;
    }) => void,
  ): Promise<{ readToEnd(): Promise<void>; close(): Promise<void> }>;
}

export interface RegistryLogProducer {
  send(
    records: readonly {
      readonly topic: string;
      readonly partition: number | null;
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
      readonly timestamp: number | null;
    }[],
  ): Promise<readonly { readonly offset: number }[]>;
  close(): Promise<void>;
}
