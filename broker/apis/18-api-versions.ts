/**
 * ApiVersions (key 18): what is served, with which versions (KIP-35). The first request of almost every client.
 *
 * v3 client software name and version (KIP-511) · v4 supported features may have minimum 0 · v5 cluster and node the
 * client means to talk to (KIP-1242). The response header is always version 0; an unsupported version is answered by
 * server/dispatch.ts. No feature is advertised that is not served.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeApiVersionsRequest } from '../protocol/messages/generated/api-versions-request.ts';
import { encodeApiVersionsResponse } from '../protocol/messages/generated/api-versions-response.ts';
import { defineApi } from '../server/api.ts';
import { servedApis } from './served.ts';

const softwareFromVersion = 3;
/** Before it, clients take a feature whose smallest version is 0 for an error (KAFKA-17011). */
const featureZeroFromVersion = 4;
/** Kafka's rule: what may stand in a log line or metric without being escaped. */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

const apiKeys = servedApis.map(({ key, advertisedMin, max }) => ({
  apiKey: key,
  minVersion: advertisedMin,
  maxVersion: max,
}));

/**
 * What is finalized is what clients go by: group.version 1 is KIP-848,
 * transaction.version 2 is KIP-890. The epoch must not be negative, or the Java
 * producer stays with version 1; it never changes, for nothing here can be upgraded while the broker runs.
 */
const finalizedFeaturesEpoch = 0;
/** Levels of org.apache.kafka.server.common.MetadataVersion: Kafka's tools print and check them; we behave as 4.4-IV2. */
const metadataVersion = { min: 7, max: 33 };
const supportedFeatures = [
  { name: 'metadata.version', minVersion: metadataVersion.min, maxVersion: metadataVersion.max },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
];
const finalizedFeatures = [
  { name: 'metadata.version', minVersionLevel: metadataVersion.max, maxVersionLevel: metadataVersion.max },
  { name: 'group.version', minVersionLevel: 1, maxVersionLevel: 1 },
  { name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 },
];

export const apiVersions = defineApi({
  decode: decodeApiVersionsRequest,
  encode: encodeApiVersionsResponse,
  handle(request, call, broker) {
    const { clientSoftwareName: name, clientSoftwareVersion: version, clusterId, nodeId } = request;
    if (call.apiVersion >= softwareFromVersion) {
      if (!softwarePattern.test(name) || !softwarePattern.test(version))
        return { errorCode: ErrorCode.INVALID_REQUEST };
      call.session.clientSoftware = `${name} ${version}`;
    }
    const isMisrouted =
      (clusterId !== null && clusterId !== broker.clusterId) || (nodeId >= 0 && nodeId !== broker.nodeId);
    if (isMisrouted) return { errorCode: ErrorCode.REBOOTSTRAP_REQUIRED };
    const supported = supportedFeatures.filter(
      ({ minVersion }) => minVersion > 0 || call.apiVersion >= featureZeroFromVersion,
    );
    return { apiKeys, supportedFeatures: supported, finalizedFeaturesEpoch, finalizedFeatures };
  },
});
