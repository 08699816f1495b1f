/**
 * SaslHandshake (key 17): the client names the mechanism it will log in by.
 *
 * v0 whole frames are tokens from here on (KIP-43) · v1 tokens travel in SaslAuthenticate (KIP-152). A mechanism that is
 * not enabled is answered with the list of those that are, and the connection ends. On a session that ends (KIP-368) it
 * begins the renewal.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeSaslHandshakeRequest } from '../protocol/messages/generated/sasl-handshake-request.ts';
import { encodeSaslHandshakeResponse } from '../protocol/messages/generated/sasl-handshake-response.ts';
import { defineApi } from '../server/api.ts';

export const saslHandshake = defineApi({
  decode: decodeSaslHandshakeRequest,
  encode: encodeSaslHandshakeResponse,
  handle(request, call) {
    const { authentication } = call.session;
    if (authentication === null) return { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] };
    const { error, mechanisms } = authentication.handshake(request.mechanism, call.apiVersion);
    return { errorCode: ErrorCode[error], mechanisms };
  },
});
