/**
 * What this broker serves: the one table that ApiVersions advertises and the dispatcher obeys. What is left out stands
 * in skipped.md with its reason. Ranges are Kafka 4.4's; handlers are imported when first asked for.
 */
import { type ApiName, apis } from '../protocol/messages/generated/apis.ts';
import type { Api, ServedApi } from '../server/api.ts';

interface Deviation {
  readonly advertisedMin?: number;
  readonly isPipelined?: boolean;
}

function serve(name: ApiName, load: () => Promise<Api>, deviation: Deviation = {}): ServedApi {
  const { key, min, max, flexibleFrom } = apis[name];
  const { advertisedMin = min, isPipelined = false } = deviation;
  return { key, name: apis[name].name, min, max, advertisedMin, flexibleFrom, isPipelined, load };
}

export const servedApis: readonly ServedApi[] = [
  // librdkafka up to 2.11 sends uncompressed to a broker that does not advertise 0; Kafka 4 does the same (KAFKA-18659).
  serve('produce', async () => (await import('./00-produce.ts')).produce, { advertisedMin: 0, isPipelined: true }),
  serve('fetch', async () => (await import('./01-fetch.ts')).fetch),
  serve('listOffsets', async () => (await import('./02-list-offsets.ts')).listOffsets),
  serve('metadata', async () => (await import('./03-metadata.ts')).metadata),
  serve('offsetCommit', async () => (await import('./08-offset-commit.ts')).offsetCommit),
  serve('offsetFetch', async () => (await import('./09-offset-fetch.ts')).offsetFetch),
  serve('findCoordinator', async () => (await import('./10-find-coordinator.ts')).findCoordinator),
  serve('joinGroup', async () => (await import('./11-join-group.ts')).joinGroup),
  serve('heartbeat', async () => (await import('./12-heartbeat.ts')).heartbeat),
  serve('leaveGroup', async () => (await import('./13-leave-group.ts')).leaveGroup),
  serve('syncGroup', async () => (await import('./14-sync-group.ts')).syncGroup),
  serve('describeGroups', async () => (await import('./15-describe-groups.ts')).describeGroups),
  serve('listGroups', async () => (await import('./16-list-groups.ts')).listGroups),
  serve('saslHandshake', async () => (await import('./17-sasl-handshake.ts')).saslHandshake),
  serve('apiVersions', async () => (await import('./18-api-versions.ts')).apiVersions),
  serve('createTopics', async () => (await import('./19-create-topics.ts')).createTopics),
  serve('deleteTopics', async () => (await import('./20-delete-topics.ts')).deleteTopics),
  serve('deleteRecords', async () => (await import('./21-delete-records.ts')).deleteRecords),
  serve('initProducerId', async () => (await import('./22-init-producer-id.ts')).initProducerId),
  serve('offsetForLeaderEpoch', async () => (await import('./23-offset-for-leader-epoch.ts')).offsetForLeaderEpoch),
  serve('addPartitionsToTxn', async () => (await import('./24-add-partitions-to-txn.ts')).addPartitionsToTxn),
  serve('addOffsetsToTxn', async () => (await import('./25-add-offsets-to-txn.ts')).addOffsetsToTxn),
  serve('endTxn', async () => (await import('./26-end-txn.ts')).endTxn),
  serve('writeTxnMarkers', async () => (await import('./27-write-txn-markers.ts')).writeTxnMarkers),
  serve('txnOffsetCommit', async () => (await import('./28-txn-offset-commit.ts')).txnOffsetCommit),
  serve('describeAcls', async () => (await import('./29-describe-acls.ts')).describeAcls),
  serve('createAcls', async () => (await import('./30-create-acls.ts')).createAcls),
  serve('deleteAcls', async () => (await import('./31-delete-acls.ts')).deleteAcls),
  serve('describeConfigs', async () => (await import('./32-describe-configs.ts')).describeConfigs),
  serve('alterConfigs', async () => (await import('./33-alter-configs.ts')).alterConfigs),
  serve('describeLogDirs', async () => (await import('./35-describe-log-dirs.ts')).describeLogDirs),
  serve('saslAuthenticate', async () => (await import('./36-sasl-authenticate.ts')).saslAuthenticate),
  serve('createPartitions', async () => (await import('./37-create-partitions.ts')).createPartitions),
  serve('deleteGroups', async () => (await import('./42-delete-groups.ts')).deleteGroups),
  serve('electLeaders', async () => (await import('./43-elect-leaders.ts')).electLeaders),
  serve(
    'incrementalAlterConfigs',
    async () => (await import('./44-incremental-alter-configs.ts')).incrementalAlterConfigs,
  ),
  serve(
    'alterPartitionReassignments',
    async () => (await import('./45-alter-partition-reassignments.ts')).alterPartitionReassignments,
  ),
  serve(
    'listPartitionReassignments',
    async () => (await import('./46-list-partition-reassignments.ts')).listPartitionReassignments,
  ),
  serve('offsetDelete', async () => (await import('./47-offset-delete.ts')).offsetDelete),
  serve('describeClientQuotas', async () => (await import('./48-describe-client-quotas.ts')).describeClientQuotas),
  serve('alterClientQuotas', async () => (await import('./49-alter-client-quotas.ts')).alterClientQuotas),
  serve(
    'describeUserScramCredentials',
    async () => (await import('./50-describe-user-scram-credentials.ts')).describeUserScramCredentials,
  ),
  serve(
    'alterUserScramCredentials',
    async () => (await import('./51-alter-user-scram-credentials.ts')).alterUserScramCredentials,
  ),
  serve('describeQuorum', async () => (await import('./55-describe-quorum.ts')).describeQuorum),
  serve('updateFeatures', async () => (await import('./57-update-features.ts')).updateFeatures),
  serve('describeCluster', async () => (await import('./60-describe-cluster.ts')).describeCluster),
  serve('describeProducers', async () => (await import('./61-describe-producers.ts')).describeProducers),
  serve('describeTransactions', async () => (await import('./65-describe-transactions.ts')).describeTransactions),
  serve('listTransactions', async () => (await import('./66-list-transactions.ts')).listTransactions),
  serve(
    'consumerGroupHeartbeat',
    async () => (await import('./68-consumer-group-heartbeat.ts')).consumerGroupHeartbeat,
  ),
  serve('consumerGroupDescribe', async () => (await import('./69-consumer-group-describe.ts')).consumerGroupDescribe),
  serve('shareGroupHeartbeat', async () => (await import('./76-share-group-heartbeat.ts')).shareGroupHeartbeat),
  serve('shareGroupDescribe', async () => (await import('./77-share-group-describe.ts')).shareGroupDescribe),
  serve('shareFetch', async () => (await import('./78-share-fetch.ts')).shareFetch),
  serve('shareAcknowledge', async () => (await import('./79-share-acknowledge.ts')).shareAcknowledge),
  serve('listConfigResources', async () => (await import('./74-list-config-resources.ts')).listConfigResources),
  serve(
    'describeTopicPartitions',
    async () => (await import('./75-describe-topic-partitions.ts')).describeTopicPartitions,
  ),
  serve(
    'describeShareGroupOffsets',
    async () => (await import('./90-describe-share-group-offsets.ts')).describeShareGroupOffsets,
  ),
  serve(
    'alterShareGroupOffsets',
    async () => (await import('./91-alter-share-group-offsets.ts')).alterShareGroupOffsets,
  ),
  serve(
    'deleteShareGroupOffsets',
    async () => (await import('./92-delete-share-group-offsets.ts')).deleteShareGroupOffsets,
  ),
];
