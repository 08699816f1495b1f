/**
 * What a route is: one declaration gives the handler, the answer to a wrong method, and its part of the OpenAPI document.
 */
import type { SchemaName } from './schemas.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request, as a handler sees it. */
export interface RestRequest {
  readonly params: Readonly<Record<string, string>>;
  /** A parameter that was given more than once is a list. */
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed JSON; undefined where there was none. */
  readonly body: unknown;
  /** Where the client reached us: `http://127.0.0.1:8083`. */
  readonly base: string;
}

export interface RestAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

export interface Route {
  readonly method: Method;
  /** With its parameters in braces, as OpenAPI writes it: `/connectors/{name}`. */
  readonly path: string;
  /** One sentence for the document. */
  readonly says: string;
  /** Query parameters and what they do. */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: SchemaName;
  /** What it answers when all is well, by status; null is an empty body. */
  readonly answers: Readonly<Record<number, SchemaName | null>>;
  handle(request: RestRequest): RestAnswer | Promise<RestAnswer>;
}

export const ok = (body: unknown): RestAnswer => ({ status: 200, body });
export const accepted: RestAnswer = { status: 202 };
export const noContent: RestAnswer = { status: 204 };
