/**
 * From a frame to a handler and back to a frame. Decides what is served and what is refused, and says so in one line;
 * the handlers themselves are in apis/.
 *
 * As in Kafka a request of an unknown API or version ends the connection, because nothing could be answered that the
 * client would understand; ApiVersions alone answers in its oldest form with the range it could have asked (KIP-511).
 */
import type { Logger } from '../broker.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { beginResponse, decodeRequestHeader } from '../protocol/frame.ts';
import { encodeApiVersionsResponse } from '../protocol/messages/generated/api-versions-response.ts';
import { Reader } from '../protocol/reader.ts';
import type { Authentication } from '../security/authentication.ts';
import type { BrokerState } from '../state.ts';
import { type Api, ConnectionRefused, noAnswer, type ServedApi } from './api.ts';
import type { Dispatch, PendingCall } from './connection.ts';
import { RequestStats } from './request-stats.ts';
import { throttleMs } from './throttle.ts';

const apiVersionsKey = 18;
/** A header without a client id. */
const headerBytesMin = 10;

export class ApiDispatch implements Dispatch {
  readonly #served = new Map<number, ServedApi>();
  readonly #loaded = new Map<number, Api>();
  readonly #broker: BrokerState;
  readonly #logger: Logger;
  readonly stats = new RequestStats();

  constructor(served: readonly ServedApi[], broker: BrokerState, logger: Logger) {
    for (const api of served) this.#served.set(api.key, api);
    this.#broker = broker;
    this.#logger = logger;
  }

  isPipelined(frame: Buffer): boolean {
    return frame.length >= 2 && this.#served.get(frame.readInt16BE(0))?.isPipelined === true;
  }

  begin(call: PendingCall): void {
    const { authentication } = call.session;
    if (authentication?.isRaw === true) {
      this.#serveRaw(call, authentication);
      return;
    }
    if (call.frame.length < headerBytesMin) {
      call.connection.refuse(`it sent a request of ${call.frame.length} bytes, too few for a request header`);
      return;
    }
    const apiKey = call.frame.readInt16BE(0);
    const apiVersion = call.frame.readInt16BE(2);
    const refusal = authentication === null ? null : authentication.refusalOf(apiKey);
    if (refusal !== null) {
      call.connection.refuse(refusal, { apiKey });
      return;
    }
    const served = this.#served.get(apiKey);
    if (served === undefined || apiVersion < served.min || apiVersion > served.max) {
      this.#refuseVersion(call, served, apiKey, apiVersion);
      return;
    }
    const api = this.#loaded.get(apiKey);
    if (api !== undefined) this.#serve(call, served, api, apiVersion);
    else this.#loadAndServe(call, served, apiVersion);
  }

  #loadAndServe(call: PendingCall, served: ServedApi, apiVersion: number): void {
    served.load().then(
      (api) => {
        this.#loaded.set(served.key, api);
        if (!call.isAbandoned) this.#serve(call, served, api, apiVersion);
      },
      (error: unknown) => this.#fail(call, served, error),
    );
  }

  #serve(call: PendingCall, served: ServedApi, api: Api, apiVersion: number): void {
    const isFlexible = served.flexibleFrom !== null && apiVersion >= served.flexibleFrom;
    call.apiVersion = apiVersion;
    let correlationId: number;
    let answer: unknown;
    const beganAtMs = performance.now();
    try {
      const reader = new Reader(call.frame);
      const header = decodeRequestHeader(reader, () => isFlexible);
      correlationId = header.correlationId;
      call.clientId = header.clientId;
      answer = api.serve(reader, call, this.#broker);
    } catch (error) {
      this.#fail(call, served, error);
      return;
    }
    const busyMs = performance.now() - beganAtMs;
    const respond = (answered: unknown): void => {
      const tookMs = performance.now() - beganAtMs;
      this.stats.answered(served.key, tookMs, call.frame.length, call.fetchedBytes);
      const response = this.#throttled(call, served, busyMs, answered);
      if (response === noAnswer) {
        call.answer([]);
        return;
      }
      try {
        const writer = beginResponse(served.key, correlationId, isFlexible);
        api.encode(writer, response, apiVersion);
        call.answer(writer.finishFrame());
        if (call.session.authentication?.isFailed === true) call.connection.end();
      } catch (error) {
        this.#fail(call, served, error);
      }
    };
    if (answer instanceof Promise) answer.then(respond, (error: unknown) => this.#fail(call, served, error));
    else respond(answer);
  }

  /** Counts the request to its client's quotas; beyond them the answer says so, and the connection is silent. */
  #throttled(call: PendingCall, { key }: ServedApi, busyMs: number, response: unknown): unknown {
    const { quotas } = this.#broker.security;
    if (quotas.isEmpty) return response;
    const ms = throttleMs(quotas, call, { apiKey: key, requestBytes: call.frame.length, busyMs });
    if (ms === 0) return response;
    call.connection.mute(ms);
    return response === noAnswer ? response : { ...(response as object), throttleTimeMs: ms };
  }

  /** After SaslHandshake v0 a frame is a token and so is its answer; a failure has no answer but the end. */
  #serveRaw(call: PendingCall, authentication: Authentication): void {
    authentication.authenticate(call.frame).then(
      ({ error, token }) => {
        if (error !== 'NONE') {
          call.connection.close();
          return;
        }
        const length = Buffer.alloc(4);
        length.writeInt32BE(token.length);
        call.answer([Buffer.concat([length, token])]);
      },
      (err: unknown) => {
        this.#logger.error({ err }, 'A login failed unexpectedly; its connection is closed.');
        call.connection.close();
      },
    );
  }

  /** ApiVersions of a version from the future is answered in version 0; anything else closes the connection. */
  #refuseVersion(call: PendingCall, served: ServedApi | undefined, apiKey: number, apiVersion: number): void {
    if (apiKey === apiVersionsKey && served !== undefined) {
      const writer = beginResponse(apiKey, call.frame.readInt32BE(4), false);
      const range = { apiKey, minVersion: served.min, maxVersion: served.max };
      encodeApiVersionsResponse(writer, { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [range] }, 0);
      call.answer(writer.finishFrame());
      return;
    }
    const clientId = clientIdOf(call.frame);
    call.connection.refuse(
      served === undefined
        ? `it asked for API key ${apiKey}, which is not served here (see ApiVersions)`
        : `it asked for ${served.name} v${apiVersion}; versions ${served.min} to ${served.max} are served`,
      { apiKey, apiVersion, clientId },
    );
  }

  #fail(call: PendingCall, served: ServedApi, error: unknown): void {
    call.finish();
    const { apiVersion, clientId } = call;
    const details = { apiKey: served.key, apiVersion, clientId };
    if (error instanceof ProtocolError) {
      call.connection.refuse(`its ${served.name} v${apiVersion} request is malformed. ${error.message}`, details);
    } else if (error instanceof ConnectionRefused) {
      call.connection.refuse(error.message, details);
    } else {
      this.#logger.error(
        { ...details, err: error },
        `${served.name} v${apiVersion} failed unexpectedly; its connection is closed.`,
      );
      call.connection.close();
    }
  }
}

/** For the log line only: the header of an unknown request can still be read this far. */
function clientIdOf(frame: Buffer): string | null {
  const reader = new Reader(frame, 8);
  try {
    return reader.nullableString(false);
  } catch {
    return null;
  }
}
