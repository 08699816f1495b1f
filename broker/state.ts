/**
 * What API handlers may use of the broker: one object, made by broker.ts when it starts. Nothing here knows a socket.
 */
import type { LogLevels } from './apis/broker-loggers.ts';
import type { ProduceDeadlines } from './apis/produce-deadlines.ts';
import type { BrokerAddress, Logger } from './broker.ts';
import type { GroupCoordinator } from './groups/coordinator.ts';
import type { LogDirectory } from './log/log-directory.ts';
import type { PartitionLog } from './log/partition-log.ts';
import type { BrokerConfig } from './metadata/broker-config.ts';
import type { ProducerIds } from './metadata/producer-ids.ts';
import type { ResourceConfigs } from './metadata/resource-configs.ts';
import type { Topics } from './metadata/topics.ts';
import type { Security } from './security/security.ts';
import type { Session } from './server/api.ts';
import type { FetchSessions } from './server/fetch-sessions.ts';
import type { ShareDelivery } from './share/share-delivery.ts';
import type { TransactionCoordinator } from './transactions/coordinator.ts';
import type { PartitionMarkers } from './transactions/marker-writer.ts';
import type { RecordValidation } from './validation/record-validation.ts';

export interface BrokerState {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly config: BrokerConfig;
  /** Configs that change while it runs. */
  readonly configs: ResourceConfigs;
  readonly topics: Topics;
  readonly groups: GroupCoordinator;
  readonly transactions: TransactionCoordinator;
  /** Ends of transactions, into the logs; beside the coordinator for tools that end one by hand. */
  readonly markers: PartitionMarkers;
  readonly logs: LogDirectory;
  /** The path of the data directory. */
  readonly dataDir: string;
  readonly producerIds: ProducerIds;
  readonly fetchSessions: FetchSessions;
  readonly produceDeadlines: ProduceDeadlines;
  readonly share: ShareDelivery;
  readonly security: Security;
  readonly validation: RecordValidation;
  readonly logger: Logger;
  readonly logLevels: LogLevels;
  /** Where this client should connect to: the advertised address, or the one it came by. */
  endpoint(session: Session): BrokerAddress;
  /** Made when it is first asked for. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  log(topic: string, partition: number): PartitionLog;
  /** The same without making it: undefined while the partition was never used. */
  existingLog(topic: string, partition: number): PartitionLog | undefined;
}
