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
import { features, finalizedFeaturesEpoch } from './features.ts';
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

const supportedFeatures = features.map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion }));
const finalizedFeatures = features
  .filter(({ level }) => level > 0)
  .map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level }));

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
