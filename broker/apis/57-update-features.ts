/**
 * UpdateFeatures (key 57): sets the level of a feature (KIP-584). Levels here are fixed, so asking for the one that is
 * finalized succeeds and anything else is refused with the reason. v1 upgrade type and validate only · v2 one error for
 * all.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeUpdateFeaturesRequest,
  type FeatureUpdateKey,
} from '../protocol/messages/generated/update-features-request.ts';
import { encodeUpdateFeaturesResponse } from '../protocol/messages/generated/update-features-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { features } from './features.ts';

const oneErrorFrom = 2;

export const updateFeatures = defineApi({
  decode: decodeUpdateFeaturesRequest,
  encode: encodeUpdateFeaturesResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'alter')) {
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: null, results: [] };
    }
    const results = request.featureUpdates.map((update) => {
      const errorMessage = problemWith(update);
      const errorCode = errorMessage === null ? 0 : ErrorCode.INVALID_UPDATE_VERSION;
      return { feature: update.feature, errorCode, errorMessage };
    });
    const failed = results.find(({ errorCode }) => errorCode !== 0);
    if (call.apiVersion < oneErrorFrom || failed === undefined) return { errorCode: 0, errorMessage: null, results };
    return { errorCode: failed.errorCode, errorMessage: failed.errorMessage, results: [] };
  },
});

function problemWith({ feature, maxVersionLevel }: FeatureUpdateKey): string | null {
  const known = features.find(({ name }) => name === feature);
  if (known === undefined) {
    const names = features.map(({ name }) => name).join(', ');
    return `Invalid update version ${maxVersionLevel} for feature ${feature}: this broker has ${names}.`;
  }
  if (maxVersionLevel === known.level) return null;
  return `Invalid update version ${maxVersionLevel} for feature ${feature}: this broker always runs it at ${known.level}.`;
}
