/**
 * The APIs the CLI calls: codecs beside the newest version it was written for.
 *
 * Versions stop where a topic is still called by its name: ids (Produce 13, Fetch 13, DeleteTopics 6) would need a
 * look-up and bring a one-shot command nothing.
 */
import { encodeCreateTopicsRequest } from '../../broker/protocol/messages/generated/create-topics-request.ts';
import { decodeCreateTopicsResponse } from '../../broker/protocol/messages/generated/create-topics-response.ts';
import { encodeDeleteTopicsRequest } from '../../broker/protocol/messages/generated/delete-topics-request.ts';
import { decodeDeleteTopicsResponse } from '../../broker/protocol/messages/generated/delete-topics-response.ts';
import { encodeFetchRequest } from '../../broker/protocol/messages/generated/fetch-request.ts';
import { decodeFetchResponse } from '../../broker/protocol/messages/generated/fetch-response.ts';
import { encodeListOffsetsRequest } from '../../broker/protocol/messages/generated/list-offsets-request.ts';
import { decodeListOffsetsResponse } from '../../broker/protocol/messages/generated/list-offsets-response.ts';
import { encodeMetadataRequest } from '../../broker/protocol/messages/generated/metadata-request.ts';
import { decodeMetadataResponse } from '../../broker/protocol/messages/generated/metadata-response.ts';
import { encodeProduceRequest } from '../../broker/protocol/messages/generated/produce-request.ts';
import { decodeProduceResponse } from '../../broker/protocol/messages/generated/produce-response.ts';

export const metadata = {
  api: 'metadata',
  maxVersion: 9,
  encode: encodeMetadataRequest,
  decode: decodeMetadataResponse,
} as const;

export const produce = {
  api: 'produce',
  maxVersion: 12,
  encode: encodeProduceRequest,
  decode: decodeProduceResponse,
} as const;

export const fetch = {
  api: 'fetch',
  maxVersion: 12,
  encode: encodeFetchRequest,
  decode: decodeFetchResponse,
} as const;

export const listOffsets = {
  api: 'listOffsets',
  maxVersion: 7,
  encode: encodeListOffsetsRequest,
  decode: decodeListOffsetsResponse,
} as const;

export const createTopics = {
  api: 'createTopics',
  maxVersion: 7,
  encode: encodeCreateTopicsRequest,
  decode: decodeCreateTopicsResponse,
} as const;

export const deleteTopics = {
  api: 'deleteTopics',
  maxVersion: 5,
  encode: encodeDeleteTopicsRequest,
  decode: decodeDeleteTopicsResponse,
} as const;
