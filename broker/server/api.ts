/**
 * What an API handler is: a decoder, an encoder and what happens between them. One file of apis/ holds one.
 *
 * Handlers know neither sockets nor frames: they get the decoded request, who sent it, and the broker; they answer with
 * the response's fields (or a promise of them), and the connection sees to order and writing.
 */

import type { Reader } from '../protocol/reader.ts';
import type { Writer } from '../protocol/writer.ts';
import type { Authentication } from '../security/authentication.ts';
import type { Listener } from '../security/listeners.ts';
import type { Principal } from '../security/principal.ts';
import type { BrokerState } from '../state.ts';

/** One connection as handlers see it. */
export interface Session {
  readonly id: number;
  /** The client's address, as ACLs name hosts. */
  readonly clientHost: string;
  /** Which of our listeners it came by. */
  readonly listener: Listener;
  /** Who the client is: ANONYMOUS, the subject of its certificate, or who it logged in as. */
  principal: Principal;
  /** The login; null on a listener that asks for none. */
  readonly authentication: Authentication | null;
  /** Our end of the connection: an address this client can certainly reach. */
  readonly localHost: string;
  readonly localPort: number;
  /** From ApiVersions v3; null before and for older clients. */
  clientSoftware: string | null;
  /** Called once, when the connection is gone. */
  readonly onClosed: Set<(session: Session) => void>;
}

/** One request on its way through the broker. */
export interface Call {
  readonly apiVersion: number;
  readonly clientId: string | null;
  readonly session: Session;
  /** The connection is gone: nobody waits for the answer any more. */
  readonly isAbandoned: boolean;
  /** Bytes of records in the answer, for quotas; set by Fetch. */
  fetchedBytes: number;
  /** Called once, when the socket has taken the answer's bytes or the connection is gone: borrowed buffers go back then. */
  onSent: (() => void) | null;
  /** Called when the connection goes away before the answer: what waits may stop waiting. */
  onAbandoned: (() => void) | null;
}

/** Produce with acks=0 has no answer. */
export const noAnswer: unique symbol = Symbol('no answer');

export type Answer<Response> = Response | typeof noAnswer;

/** Thrown by a handler: this connection cannot go on. The reason is logged once, with who it was. */
export class ConnectionRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ConnectionRefused';
  }
}

/** `Response` is what the encoder takes; what the handler answers is checked against it, member by member. */
export interface ApiSpec<Request, Response> {
  readonly decode: (reader: Reader, apiVersion: number) => Request;
  readonly encode: (writer: Writer, response: Response, apiVersion: number) => void;
  /** A throw or rejection that is no ConnectionRefused is a defect: logged with its stack, connection closed. */
  handle(
    request: NoInfer<Request>,
    call: Call,
    broker: BrokerState,
  ): Answer<NoInfer<Response>> | Promise<Answer<NoInfer<Response>>>;
}

/** A handler whose message types are nobody's business but its own. */
export interface Api {
  serve(reader: Reader, call: Call, broker: BrokerState): unknown;
  encode(writer: Writer, response: unknown, apiVersion: number): void;
}

export function defineApi<Request, Response>(spec: ApiSpec<Request, Response>): Api {
  return {
    serve(reader, call, broker) {
      // What follows the message is left alone, as by Kafka: librdkafka sends three bytes more when it asks for all topics.
      const request = spec.decode(reader, call.apiVersion);
      return spec.handle(request, call, broker);
    },
    encode(writer, response, apiVersion) {
      spec.encode(writer, response as Response, apiVersion);
    },
  };
}

/** A line of the table of what is served (apis/served.ts). */
export interface ServedApi {
  readonly key: number;
  readonly name: string;
  /** Lowest version answered; `advertisedMin` may be lower (Produce, for old librdkafka). */
  readonly min: number;
  readonly max: number;
  readonly advertisedMin: number;
  readonly flexibleFrom: number | null;
  /**
   * The next request of the same connection may begin before this one is answered, if it is pipelined too. Its handler
   * keeps nothing of the frame beyond its answer: the frame's memory is used again.
   */
  readonly isPipelined: boolean;
  /** Imports the handler when it is first asked for, so that a start does not pay for what nobody uses. */
  load(): Promise<Api>;
}
