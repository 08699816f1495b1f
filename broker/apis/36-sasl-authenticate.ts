/**
 * SaslAuthenticate (key 36): one token of a login, and the answer to it (KIP-152).
 *
 * v1 how long the session lasts (KIP-368) · v2 flexible. A failure is answered late (`connection.failed.authentication.
 * delay.ms`), says the same for a wrong user and a wrong password, and ends the connection.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeSaslAuthenticateRequest } from '../protocol/messages/generated/sasl-authenticate-request.ts';
import { encodeSaslAuthenticateResponse } from '../protocol/messages/generated/sasl-authenticate-response.ts';
import { defineApi } from '../server/api.ts';

export const saslAuthenticate = defineApi({
  decode: decodeSaslAuthenticateRequest,
  encode: encodeSaslAuthenticateResponse,
  async handle(request, call) {
    const { authentication } = call.session;
    if (authentication === null) {
      return { errorCode: ErrorCode.ILLEGAL_SASL_STATE, errorMessage: 'This listener asks for no login.' };
    }
    const { error, errorMessage, token, sessionLifetimeMs } = await authentication.authenticate(request.authBytes);
    return { errorCode: ErrorCode[error], errorMessage, authBytes: token, sessionLifetimeMs };
  },
});
