import type { z } from 'zod';
import type { Principal } from './principal.ts';

/** What a caller must be allowed to do, as `resource:verb`. An undeclared action is a type error. */
export type RouteAction = `${string}:${string}`;

export interface RouteRequest<P = Record<string, string>, Q = unknown, B = unknown> {
  params: P;
  query: Q;
  body: B;
  principal: Principal;
  signal: AbortSignal;
  /** Request headers, lower-case names. */
  headers: Record<string, string>;
}

/**
 * One operation of the control plane. `http/` interprets it: authenticates, checks the origin and the action, parses
 * query and body, answers JSON; a returned async iterable is sent as server-sent events, a `Raw` as it is.
 */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Under `/api`, with `:name` parameters. A path that starts with `//` is taken from the root, such as `//receipts/:id`. */
  path: string;
  /** `public` needs no credential: sign-in and health only. */
  action: RouteAction | 'public';
  summary: string;
  query?: z.ZodType;
  body?: z.ZodType;
  /** Schema of the answer, for the reference page and the console's client. */
  response?: z.ZodType;
  // oxlint-disable-next-line typescript/no-explicit-any -- each route knows the types its own schemas give
  handle(request: RouteRequest<any, any, any>): Promise<unknown> | AsyncIterable<unknown>;
}

/** An answer that is not JSON. */
export class Raw {
  readonly body: string | Uint8Array;
  readonly contentType: string;
  readonly headers: Record<string, string>;
  readonly status: number;

  constructor(
    body: string | Uint8Array,
    contentType: string,
    headers: Record<string, string> = {},
    status = 200,
  ) {
    this.body = body;
    this.contentType = contentType;
    this.headers = headers;
    this.status = status;
  }
}

/** Types the handler by its schemas while the list holds plain routes. */
export function defineRoute<Q = unknown, B = unknown, R = unknown>(route: {
  method: Route['method'];
  path: string;
  action: Route['action'];
  summary: string;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  response?: z.ZodType<R>;
  handle(request: RouteRequest<Record<string, string>, Q, B>): Promise<R | Raw> | AsyncIterable<R>;
}): Route {
  return route;
}
