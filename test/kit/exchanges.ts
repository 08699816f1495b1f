/**
 * Every exchange there are codecs for, from the client's side: what a test asks that is about all APIs, or about a rare
 * one. Tests of the common four take them from kafka.ts, which loads less.
 */

import { encodeAddOffsetsToTxnRequest } from '../../broker/protocol/messages/generated/add-offsets-to-txn-request.ts';
import { decodeAddOffsetsToTxnResponse } from '../../broker/protocol/messages/generated/add-offsets-to-txn-response.ts';
import { encodeAddPartitionsToTxnRequest } from '../../broker/protocol/messages/generated/add-partitions-to-txn-request.ts';
import { decodeAddPartitionsToTxnResponse } from '../../broker/protocol/messages/generated/add-partitions-to-txn-response.ts';
import { encodeAlterClientQuotasRequest } from '../../broker/protocol/messages/generated/alter-client-quotas-request.ts';
import { decodeAlterClientQuotasResponse } from '../../broker/protocol/messages/generated/alter-client-quotas-response.ts';
import { encodeAlterConfigsRequest } from '../../broker/protocol/messages/generated/alter-configs-request.ts';
import { decodeAlterConfigsResponse } from '../../broker/protocol/messages/generated/alter-configs-response.ts';
import { encodeAlterPartitionReassignmentsRequest } from '../../broker/protocol/messages/generated/alter-partition-reassignments-request.ts';
import { decodeAlterPartitionReassignmentsResponse } from '../../broker/protocol/messages/generated/alter-partition-reassignments-response.ts';
import { encodeAlterReplicaLogDirsRequest } from '../../broker/protocol/messages/generated/alter-replica-log-dirs-request.ts';
import { decodeAlterReplicaLogDirsResponse } from '../../broker/protocol/messages/generated/alter-replica-log-dirs-response.ts';
import { encodeAlterShareGroupOffsetsRequest } from '../../broker/protocol/messages/generated/alter-share-group-offsets-request.ts';
import { decodeAlterShareGroupOffsetsResponse } from '../../broker/protocol/messages/generated/alter-share-group-offsets-response.ts';
import { encodeAlterUserScramCredentialsRequest } from '../../broker/protocol/messages/generated/alter-user-scram-credentials-request.ts';
import { decodeAlterUserScramCredentialsResponse } from '../../broker/protocol/messages/generated/alter-user-scram-credentials-response.ts';
import { encodeApiVersionsRequest } from '../../broker/protocol/messages/generated/api-versions-request.ts';
import { decodeApiVersionsResponse } from '../../broker/protocol/messages/generated/api-versions-response.ts';
import { apis } from '../../broker/protocol/messages/generated/apis.ts';
import { encodeConsumerGroupDescribeRequest } from '../../broker/protocol/messages/generated/consumer-group-describe-request.ts';
import { decodeConsumerGroupDescribeResponse } from '../../broker/protocol/messages/generated/consumer-group-describe-response.ts';
import { encodeConsumerGroupHeartbeatRequest } from '../../broker/protocol/messages/generated/consumer-group-heartbeat-request.ts';
import { decodeConsumerGroupHeartbeatResponse } from '../../broker/protocol/messages/generated/consumer-group-heartbeat-response.ts';
import { encodeCreateAclsRequest } from '../../broker/protocol/messages/generated/create-acls-request.ts';
import { decodeCreateAclsResponse } from '../../broker/protocol/messages/generated/create-acls-response.ts';
import { encodeCreateDelegationTokenRequest } from '../../broker/protocol/messages/generated/create-delegation-token-request.ts';
import { decodeCreateDelegationTokenResponse } from '../../broker/protocol/messages/generated/create-delegation-token-response.ts';
import { encodeCreatePartitionsRequest } from '../../broker/protocol/messages/generated/create-partitions-request.ts';
import { decodeCreatePartitionsResponse } from '../../broker/protocol/messages/generated/create-partitions-response.ts';
import { encodeDeleteAclsRequest } from '../../broker/protocol/messages/generated/delete-acls-request.ts';
import { decodeDeleteAclsResponse } from '../../broker/protocol/messages/generated/delete-acls-response.ts';
import { encodeDeleteGroupsRequest } from '../../broker/protocol/messages/generated/delete-groups-request.ts';
import { decodeDeleteGroupsResponse } from '../../broker/protocol/messages/generated/delete-groups-response.ts';
import { encodeDeleteRecordsRequest } from '../../broker/protocol/messages/generated/delete-records-request.ts';
import { decodeDeleteRecordsResponse } from '../../broker/protocol/messages/generated/delete-records-response.ts';
import { encodeDeleteShareGroupOffsetsRequest } from '../../broker/protocol/messages/generated/delete-share-group-offsets-request.ts';
import { decodeDeleteShareGroupOffsetsResponse } from '../../broker/protocol/messages/generated/delete-share-group-offsets-response.ts';
import { encodeDeleteTopicsRequest } from '../../broker/protocol/messages/generated/delete-topics-request.ts';
import { decodeDeleteTopicsResponse } from '../../broker/protocol/messages/generated/delete-topics-response.ts';
import { encodeDescribeAclsRequest } from '../../broker/protocol/messages/generated/describe-acls-request.ts';
import { decodeDescribeAclsResponse } from '../../broker/protocol/messages/generated/describe-acls-response.ts';
import { encodeDescribeClientQuotasRequest } from '../../broker/protocol/messages/generated/describe-client-quotas-request.ts';
import { decodeDescribeClientQuotasResponse } from '../../broker/protocol/messages/generated/describe-client-quotas-response.ts';
import { encodeDescribeClusterRequest } from '../../broker/protocol/messages/generated/describe-cluster-request.ts';
import { decodeDescribeClusterResponse } from '../../broker/protocol/messages/generated/describe-cluster-response.ts';
import { encodeDescribeConfigsRequest } from '../../broker/protocol/messages/generated/describe-configs-request.ts';
import { decodeDescribeConfigsResponse } from '../../broker/protocol/messages/generated/describe-configs-response.ts';
import { encodeDescribeDelegationTokenRequest } from '../../broker/protocol/messages/generated/describe-delegation-token-request.ts';
import { decodeDescribeDelegationTokenResponse } from '../../broker/protocol/messages/generated/describe-delegation-token-response.ts';
import { encodeDescribeGroupsRequest } from '../../broker/protocol/messages/generated/describe-groups-request.ts';
import { decodeDescribeGroupsResponse } from '../../broker/protocol/messages/generated/describe-groups-response.ts';
import { encodeDescribeLogDirsRequest } from '../../broker/protocol/messages/generated/describe-log-dirs-request.ts';
import { decodeDescribeLogDirsResponse } from '../../broker/protocol/messages/generated/describe-log-dirs-response.ts';
import { encodeDescribeProducersRequest } from '../../broker/protocol/messages/generated/describe-producers-request.ts';
import { decodeDescribeProducersResponse } from '../../broker/protocol/messages/generated/describe-producers-response.ts';
import { encodeDescribeQuorumRequest } from '../../broker/protocol/messages/generated/describe-quorum-request.ts';
import { decodeDescribeQuorumResponse } from '../../broker/protocol/messages/generated/describe-quorum-response.ts';
import { encodeDescribeShareGroupOffsetsRequest } from '../../broker/protocol/messages/generated/describe-share-group-offsets-request.ts';
import { decodeDescribeShareGroupOffsetsResponse } from '../../broker/protocol/messages/generated/describe-share-group-offsets-response.ts';
import { encodeDescribeTopicPartitionsRequest } from '../../broker/protocol/messages/generated/describe-topic-partitions-request.ts';
import { decodeDescribeTopicPartitionsResponse } from '../../broker/protocol/messages/generated/describe-topic-partitions-response.ts';
import { encodeDescribeTransactionsRequest } from '../../broker/protocol/messages/generated/describe-transactions-request.ts';
import { decodeDescribeTransactionsResponse } from '../../broker/protocol/messages/generated/describe-transactions-response.ts';
import { encodeDescribeUserScramCredentialsRequest } from '../../broker/protocol/messages/generated/describe-user-scram-credentials-request.ts';
import { decodeDescribeUserScramCredentialsResponse } from '../../broker/protocol/messages/generated/describe-user-scram-credentials-response.ts';
import { encodeElectLeadersRequest } from '../../broker/protocol/messages/generated/elect-leaders-request.ts';
import { decodeElectLeadersResponse } from '../../broker/protocol/messages/generated/elect-leaders-response.ts';
import { encodeEndTxnRequest } from '../../broker/protocol/messages/generated/end-txn-request.ts';
import { decodeEndTxnResponse } from '../../broker/protocol/messages/generated/end-txn-response.ts';
import { encodeExpireDelegationTokenRequest } from '../../broker/protocol/messages/generated/expire-delegation-token-request.ts';
import { decodeExpireDelegationTokenResponse } from '../../broker/protocol/messages/generated/expire-delegation-token-response.ts';
import { encodeFindCoordinatorRequest } from '../../broker/protocol/messages/generated/find-coordinator-request.ts';
import { decodeFindCoordinatorResponse } from '../../broker/protocol/messages/generated/find-coordinator-response.ts';
import { encodeGetTelemetrySubscriptionsRequest } from '../../broker/protocol/messages/generated/get-telemetry-subscriptions-request.ts';
import { decodeGetTelemetrySubscriptionsResponse } from '../../broker/protocol/messages/generated/get-telemetry-subscriptions-response.ts';
import { encodeHeartbeatRequest } from '../../broker/protocol/messages/generated/heartbeat-request.ts';
import { decodeHeartbeatResponse } from '../../broker/protocol/messages/generated/heartbeat-response.ts';
import { encodeIncrementalAlterConfigsRequest } from '../../broker/protocol/messages/generated/incremental-alter-configs-request.ts';
import { decodeIncrementalAlterConfigsResponse } from '../../broker/protocol/messages/generated/incremental-alter-configs-response.ts';
import { encodeInitProducerIdRequest } from '../../broker/protocol/messages/generated/init-producer-id-request.ts';
import { decodeInitProducerIdResponse } from '../../broker/protocol/messages/generated/init-producer-id-response.ts';
import { encodeJoinGroupRequest } from '../../broker/protocol/messages/generated/join-group-request.ts';
import { decodeJoinGroupResponse } from '../../broker/protocol/messages/generated/join-group-response.ts';
import { encodeLeaveGroupRequest } from '../../broker/protocol/messages/generated/leave-group-request.ts';
import { decodeLeaveGroupResponse } from '../../broker/protocol/messages/generated/leave-group-response.ts';
import { encodeListConfigResourcesRequest } from '../../broker/protocol/messages/generated/list-config-resources-request.ts';
import { decodeListConfigResourcesResponse } from '../../broker/protocol/messages/generated/list-config-resources-response.ts';
import { encodeListGroupsRequest } from '../../broker/protocol/messages/generated/list-groups-request.ts';
import { decodeListGroupsResponse } from '../../broker/protocol/messages/generated/list-groups-response.ts';
import { encodeListOffsetsRequest } from '../../broker/protocol/messages/generated/list-offsets-request.ts';
import { decodeListOffsetsResponse } from '../../broker/protocol/messages/generated/list-offsets-response.ts';
import { encodeListPartitionReassignmentsRequest } from '../../broker/protocol/messages/generated/list-partition-reassignments-request.ts';
import { decodeListPartitionReassignmentsResponse } from '../../broker/protocol/messages/generated/list-partition-reassignments-response.ts';
import { encodeListTransactionsRequest } from '../../broker/protocol/messages/generated/list-transactions-request.ts';
import { decodeListTransactionsResponse } from '../../broker/protocol/messages/generated/list-transactions-response.ts';
import { encodeOffsetCommitRequest } from '../../broker/protocol/messages/generated/offset-commit-request.ts';
import { decodeOffsetCommitResponse } from '../../broker/protocol/messages/generated/offset-commit-response.ts';
import { encodeOffsetDeleteRequest } from '../../broker/protocol/messages/generated/offset-delete-request.ts';
import { decodeOffsetDeleteResponse } from '../../broker/protocol/messages/generated/offset-delete-response.ts';
import { encodeOffsetFetchRequest } from '../../broker/protocol/messages/generated/offset-fetch-request.ts';
import { decodeOffsetFetchResponse } from '../../broker/protocol/messages/generated/offset-fetch-response.ts';
import { encodeOffsetForLeaderEpochRequest } from '../../broker/protocol/messages/generated/offset-for-leader-epoch-request.ts';
import { decodeOffsetForLeaderEpochResponse } from '../../broker/protocol/messages/generated/offset-for-leader-epoch-response.ts';
import { encodePushTelemetryRequest } from '../../broker/protocol/messages/generated/push-telemetry-request.ts';
import { decodePushTelemetryResponse } from '../../broker/protocol/messages/generated/push-telemetry-response.ts';
import { encodeRenewDelegationTokenRequest } from '../../broker/protocol/messages/generated/renew-delegation-token-request.ts';
import { decodeRenewDelegationTokenResponse } from '../../broker/protocol/messages/generated/renew-delegation-token-response.ts';
import { encodeSaslAuthenticateRequest } from '../../broker/protocol/messages/generated/sasl-authenticate-request.ts';
import { decodeSaslAuthenticateResponse } from '../../broker/protocol/messages/generated/sasl-authenticate-response.ts';
import { encodeSaslHandshakeRequest } from '../../broker/protocol/messages/generated/sasl-handshake-request.ts';
import { decodeSaslHandshakeResponse } from '../../broker/protocol/messages/generated/sasl-handshake-response.ts';
import { encodeShareAcknowledgeRequest } from '../../broker/protocol/messages/generated/share-acknowledge-request.ts';
import { decodeShareAcknowledgeResponse } from '../../broker/protocol/messages/generated/share-acknowledge-response.ts';
import { encodeShareFetchRequest } from '../../broker/protocol/messages/generated/share-fetch-request.ts';
import { decodeShareFetchResponse } from '../../broker/protocol/messages/generated/share-fetch-response.ts';
import { encodeShareGroupDescribeRequest } from '../../broker/protocol/messages/generated/share-group-describe-request.ts';
import { decodeShareGroupDescribeResponse } from '../../broker/protocol/messages/generated/share-group-describe-response.ts';
import { encodeShareGroupHeartbeatRequest } from '../../broker/protocol/messages/generated/share-group-heartbeat-request.ts';
import { decodeShareGroupHeartbeatResponse } from '../../broker/protocol/messages/generated/share-group-heartbeat-response.ts';
import { encodeSyncGroupRequest } from '../../broker/protocol/messages/generated/sync-group-request.ts';
import { decodeSyncGroupResponse } from '../../broker/protocol/messages/generated/sync-group-response.ts';
import { encodeTxnOffsetCommitRequest } from '../../broker/protocol/messages/generated/txn-offset-commit-request.ts';
import { decodeTxnOffsetCommitResponse } from '../../broker/protocol/messages/generated/txn-offset-commit-response.ts';
import { encodeUnregisterBrokerRequest } from '../../broker/protocol/messages/generated/unregister-broker-request.ts';
import { decodeUnregisterBrokerResponse } from '../../broker/protocol/messages/generated/unregister-broker-response.ts';
import { encodeUpdateFeaturesRequest } from '../../broker/protocol/messages/generated/update-features-request.ts';
import { decodeUpdateFeaturesResponse } from '../../broker/protocol/messages/generated/update-features-response.ts';
import { encodeWriteTxnMarkersRequest } from '../../broker/protocol/messages/generated/write-txn-markers-request.ts';
import { decodeWriteTxnMarkersResponse } from '../../broker/protocol/messages/generated/write-txn-markers-response.ts';
import { exchange, exchanges } from './kafka.ts';

export const allExchanges = {
  ...exchanges,
  listOffsets: exchange(apis.listOffsets, encodeListOffsetsRequest, decodeListOffsetsResponse),
  offsetCommit: exchange(apis.offsetCommit, encodeOffsetCommitRequest, decodeOffsetCommitResponse),
  offsetFetch: exchange(apis.offsetFetch, encodeOffsetFetchRequest, decodeOffsetFetchResponse),
  findCoordinator: exchange(apis.findCoordinator, encodeFindCoordinatorRequest, decodeFindCoordinatorResponse),
  joinGroup: exchange(apis.joinGroup, encodeJoinGroupRequest, decodeJoinGroupResponse),
  heartbeat: exchange(apis.heartbeat, encodeHeartbeatRequest, decodeHeartbeatResponse),
  leaveGroup: exchange(apis.leaveGroup, encodeLeaveGroupRequest, decodeLeaveGroupResponse),
  syncGroup: exchange(apis.syncGroup, encodeSyncGroupRequest, decodeSyncGroupResponse),
  describeGroups: exchange(apis.describeGroups, encodeDescribeGroupsRequest, decodeDescribeGroupsResponse),
  listGroups: exchange(apis.listGroups, encodeListGroupsRequest, decodeListGroupsResponse),
  saslHandshake: exchange(apis.saslHandshake, encodeSaslHandshakeRequest, decodeSaslHandshakeResponse),
  apiVersions: exchange(apis.apiVersions, encodeApiVersionsRequest, decodeApiVersionsResponse),
  deleteTopics: exchange(apis.deleteTopics, encodeDeleteTopicsRequest, decodeDeleteTopicsResponse),
  deleteRecords: exchange(apis.deleteRecords, encodeDeleteRecordsRequest, decodeDeleteRecordsResponse),
  initProducerId: exchange(apis.initProducerId, encodeInitProducerIdRequest, decodeInitProducerIdResponse),
  offsetForLeaderEpoch: exchange(
    apis.offsetForLeaderEpoch,
    encodeOffsetForLeaderEpochRequest,
    decodeOffsetForLeaderEpochResponse,
  ),
  addPartitionsToTxn: exchange(
    apis.addPartitionsToTxn,
    encodeAddPartitionsToTxnRequest,
    decodeAddPartitionsToTxnResponse,
  ),
  addOffsetsToTxn: exchange(apis.addOffsetsToTxn, encodeAddOffsetsToTxnRequest, decodeAddOffsetsToTxnResponse),
  endTxn: exchange(apis.endTxn, encodeEndTxnRequest, decodeEndTxnResponse),
  writeTxnMarkers: exchange(apis.writeTxnMarkers, encodeWriteTxnMarkersRequest, decodeWriteTxnMarkersResponse),
  txnOffsetCommit: exchange(apis.txnOffsetCommit, encodeTxnOffsetCommitRequest, decodeTxnOffsetCommitResponse),
  describeAcls: exchange(apis.describeAcls, encodeDescribeAclsRequest, decodeDescribeAclsResponse),
  createAcls: exchange(apis.createAcls, encodeCreateAclsRequest, decodeCreateAclsResponse),
  deleteAcls: exchange(apis.deleteAcls, encodeDeleteAclsRequest, decodeDeleteAclsResponse),
  describeConfigs: exchange(apis.describeConfigs, encodeDescribeConfigsRequest, decodeDescribeConfigsResponse),
  alterConfigs: exchange(apis.alterConfigs, encodeAlterConfigsRequest, decodeAlterConfigsResponse),
  alterReplicaLogDirs: exchange(
    apis.alterReplicaLogDirs,
    encodeAlterReplicaLogDirsRequest,
    decodeAlterReplicaLogDirsResponse,
  ),
  describeLogDirs: exchange(apis.describeLogDirs, encodeDescribeLogDirsRequest, decodeDescribeLogDirsResponse),
  saslAuthenticate: exchange(apis.saslAuthenticate, encodeSaslAuthenticateRequest, decodeSaslAuthenticateResponse),
  createPartitions: exchange(apis.createPartitions, encodeCreatePartitionsRequest, decodeCreatePartitionsResponse),
  createDelegationToken: exchange(
    apis.createDelegationToken,
    encodeCreateDelegationTokenRequest,
    decodeCreateDelegationTokenResponse,
  ),
  renewDelegationToken: exchange(
    apis.renewDelegationToken,
    encodeRenewDelegationTokenRequest,
    decodeRenewDelegationTokenResponse,
  ),
  expireDelegationToken: exchange(
    apis.expireDelegationToken,
    encodeExpireDelegationTokenRequest,
    decodeExpireDelegationTokenResponse,
  ),
  describeDelegationToken: exchange(
    apis.describeDelegationToken,
    encodeDescribeDelegationTokenRequest,
    decodeDescribeDelegationTokenResponse,
  ),
  deleteGroups: exchange(apis.deleteGroups, encodeDeleteGroupsRequest, decodeDeleteGroupsResponse),
  electLeaders: exchange(apis.electLeaders, encodeElectLeadersRequest, decodeElectLeadersResponse),
  incrementalAlterConfigs: exchange(
    apis.incrementalAlterConfigs,
    encodeIncrementalAlterConfigsRequest,
    decodeIncrementalAlterConfigsResponse,
  ),
  alterPartitionReassignments: exchange(
    apis.alterPartitionReassignments,
    encodeAlterPartitionReassignmentsRequest,
    decodeAlterPartitionReassignmentsResponse,
  ),
  listPartitionReassignments: exchange(
    apis.listPartitionReassignments,
    encodeListPartitionReassignmentsRequest,
    decodeListPartitionReassignmentsResponse,
  ),
  offsetDelete: exchange(apis.offsetDelete, encodeOffsetDeleteRequest, decodeOffsetDeleteResponse),
  describeClientQuotas: exchange(
    apis.describeClientQuotas,
    encodeDescribeClientQuotasRequest,
    decodeDescribeClientQuotasResponse,
  ),
  alterClientQuotas: exchange(apis.alterClientQuotas, encodeAlterClientQuotasRequest, decodeAlterClientQuotasResponse),
  describeUserScramCredentials: exchange(
    apis.describeUserScramCredentials,
    encodeDescribeUserScramCredentialsRequest,
    decodeDescribeUserScramCredentialsResponse,
  ),
  alterUserScramCredentials: exchange(
    apis.alterUserScramCredentials,
    encodeAlterUserScramCredentialsRequest,
    decodeAlterUserScramCredentialsResponse,
  ),
  describeQuorum: exchange(apis.describeQuorum, encodeDescribeQuorumRequest, decodeDescribeQuorumResponse),
  updateFeatures: exchange(apis.updateFeatures, encodeUpdateFeaturesRequest, decodeUpdateFeaturesResponse),
  describeCluster: exchange(apis.describeCluster, encodeDescribeClusterRequest, decodeDescribeClusterResponse),
  describeProducers: exchange(apis.describeProducers, encodeDescribeProducersRequest, decodeDescribeProducersResponse),
  unregisterBroker: exchange(apis.unregisterBroker, encodeUnregisterBrokerRequest, decodeUnregisterBrokerResponse),
  describeTransactions: exchange(
    apis.describeTransactions,
    encodeDescribeTransactionsRequest,
    decodeDescribeTransactionsResponse,
  ),
  listTransactions: exchange(apis.listTransactions, encodeListTransactionsRequest, decodeListTransactionsResponse),
  consumerGroupHeartbeat: exchange(
    apis.consumerGroupHeartbeat,
    encodeConsumerGroupHeartbeatRequest,
    decodeConsumerGroupHeartbeatResponse,
  ),
  consumerGroupDescribe: exchange(
    apis.consumerGroupDescribe,
    encodeConsumerGroupDescribeRequest,
    decodeConsumerGroupDescribeResponse,
  ),
  getTelemetrySubscriptions: exchange(
    apis.getTelemetrySubscriptions,
    encodeGetTelemetrySubscriptionsRequest,
    decodeGetTelemetrySubscriptionsResponse,
  ),
  pushTelemetry: exchange(apis.pushTelemetry, encodePushTelemetryRequest, decodePushTelemetryResponse),
  listConfigResources: exchange(
    apis.listConfigResources,
    encodeListConfigResourcesRequest,
    decodeListConfigResourcesResponse,
  ),
  describeTopicPartitions: exchange(
    apis.describeTopicPartitions,
    encodeDescribeTopicPartitionsRequest,
    decodeDescribeTopicPartitionsResponse,
  ),
  shareGroupHeartbeat: exchange(
    apis.shareGroupHeartbeat,
    encodeShareGroupHeartbeatRequest,
    decodeShareGroupHeartbeatResponse,
  ),
  shareGroupDescribe: exchange(
    apis.shareGroupDescribe,
    encodeShareGroupDescribeRequest,
    decodeShareGroupDescribeResponse,
  ),
  shareFetch: exchange(apis.shareFetch, encodeShareFetchRequest, decodeShareFetchResponse),
  shareAcknowledge: exchange(apis.shareAcknowledge, encodeShareAcknowledgeRequest, decodeShareAcknowledgeResponse),
  describeShareGroupOffsets: exchange(
    apis.describeShareGroupOffsets,
    encodeDescribeShareGroupOffsetsRequest,
    decodeDescribeShareGroupOffsetsResponse,
  ),
  alterShareGroupOffsets: exchange(
    apis.alterShareGroupOffsets,
    encodeAlterShareGroupOffsetsRequest,
    decodeAlterShareGroupOffsetsResponse,
  ),
  deleteShareGroupOffsets: exchange(
    apis.deleteShareGroupOffsets,
    encodeDeleteShareGroupOffsetsRequest,
    decodeDeleteShareGroupOffsetsResponse,
  ),
} as const;
