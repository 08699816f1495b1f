/**
 * The APIs the CLI calls: codecs beside the newest version it was written for.
 *
 * Versions stop where a topic is still called by its name: ids (Produce 13, Fetch 13, DeleteTopics 6) would need a
 * look-up and bring a one-shot command nothing.
 */

import { encodeAlterUserScramCredentialsRequest } from '../../broker/protocol/messages/generated/alter-user-scram-credentials-request.ts';
import { decodeAlterUserScramCredentialsResponse } from '../../broker/protocol/messages/generated/alter-user-scram-credentials-response.ts';
import { encodeCreateAclsRequest } from '../../broker/protocol/messages/generated/create-acls-request.ts';
import { decodeCreateAclsResponse } from '../../broker/protocol/messages/generated/create-acls-response.ts';
import { encodeCreateTopicsRequest } from '../../broker/protocol/messages/generated/create-topics-request.ts';
import { decodeCreateTopicsResponse } from '../../broker/protocol/messages/generated/create-topics-response.ts';
import { encodeDeleteAclsRequest } from '../../broker/protocol/messages/generated/delete-acls-request.ts';
import { decodeDeleteAclsResponse } from '../../broker/protocol/messages/generated/delete-acls-response.ts';
import { encodeDeleteTopicsRequest } from '../../broker/protocol/messages/generated/delete-topics-request.ts';
import { decodeDeleteTopicsResponse } from '../../broker/protocol/messages/generated/delete-topics-response.ts';
import { encodeDescribeAclsRequest } from '../../broker/protocol/messages/generated/describe-acls-request.ts';
import { decodeDescribeAclsResponse } from '../../broker/protocol/messages/generated/describe-acls-response.ts';
import { encodeDescribeUserScramCredentialsRequest } from '../../broker/protocol/messages/generated/describe-user-scram-credentials-request.ts';
import { decodeDescribeUserScramCredentialsResponse } from '../../broker/protocol/messages/generated/describe-user-scram-credentials-response.ts';
import { encodeFetchRequest } from '../../broker/protocol/messages/generated/fetch-request.ts';
import { decodeFetchResponse } from '../../broker/protocol/messages/generated/fetch-response.ts';
import { encodeListOffsetsRequest } from '../../broker/protocol/messages/generated/list-offsets-request.ts';
import { decodeListOffsetsResponse } from '../../broker/protocol/messages/generated/list-offsets-response.ts';
import { encodeMetadataRequest } from '../../broker/protocol/messages/generated/metadata-request.ts';
import { decodeMetadataResponse } from '../../broker/protocol/messages/generated/metadata-response.ts';
import { encodeProduceRequest } from '../../broker/protocol/messages/generated/produce-request.ts';
import { decodeProduceResponse } from '../../broker/protocol/messages/generated/produce-response.ts';
import { encodeSaslAuthenticateRequest } from '../../broker/protocol/messages/generated/sasl-authenticate-request.ts';
import { decodeSaslAuthenticateResponse } from '../../broker/protocol/messages/generated/sasl-authenticate-response.ts';
import { encodeSaslHandshakeRequest } from '../../broker/protocol/messages/generated/sasl-handshake-request.ts';
import { decodeSaslHandshakeResponse } from '../../broker/protocol/messages/generated/sasl-handshake-response.ts';

export const saslHandshake = {
  api: 'saslHandshake',
  maxVersion: 1,
  encode: encodeSaslHandshakeRequest,
  decode: decodeSaslHandshakeResponse,
} as const;

export const saslAuthenticate = {
  api: 'saslAuthenticate',
  maxVersion: 2,
  encode: encodeSaslAuthenticateRequest,
  decode: decodeSaslAuthenticateResponse,
} as const;

export const describeUserScramCredentials = {
  api: 'describeUserScramCredentials',
  maxVersion: 0,
  encode: encodeDescribeUserScramCredentialsRequest,
  decode: decodeDescribeUserScramCredentialsResponse,
} as const;

export const alterUserScramCredentials = {
  api: 'alterUserScramCredentials',
  maxVersion: 0,
  encode: encodeAlterUserScramCredentialsRequest,
  decode: decodeAlterUserScramCredentialsResponse,
} as const;

export const describeAcls = {
  api: 'describeAcls',
  maxVersion: 3,
  encode: encodeDescribeAclsRequest,
  decode: decodeDescribeAclsResponse,
} as const;

export const createAcls = {
  api: 'createAcls',
  maxVersion: 3,
  encode: encodeCreateAclsRequest,
  decode: decodeCreateAclsResponse,
} as const;

export const deleteAcls = {
  api: 'deleteAcls',
  maxVersion: 3,
  encode: encodeDeleteAclsRequest,
  decode: decodeDeleteAclsResponse,
} as const;

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
