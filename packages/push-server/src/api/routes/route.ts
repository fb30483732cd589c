import type { ApiScope, FailureCode, Result } from '@gopush/contract';
import { z } from 'zod';
import type { Push, RoomOptions } from '../../rooms/publish/push.ts';

/** What serving requests needs. */
export interface ApiContext {
  readonly push: Push;
  /** Whether messages are kept, unless the request sets it. */
  readonly keep: NonNullable<RoomOptions['keep']>;
}

/** A request that was checked. */
export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The `Idempotency-Key`. */
  readonly id: string | undefined;
}

/** A route of the API. Requests are dispatched by it, and it is described in the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it, below `/api/v1`. */
  readonly path: string;
  readonly scope: ApiScope;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** Absent: requests have no body. */
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  /** Failures besides those of all routes. */
  readonly failures: readonly FailureCode[];
  /** Whether it concerns all products, so that keys for some products cannot use it. @defaultValue false */
  readonly across?: boolean;
  /**
   * Whether it takes an `Idempotency-Key`; `refused`: its messages are not kept, so that repeats cannot be
   * recognized.
   * @defaultValue the header is ignored
   */
  readonly id?: 'taken' | 'refused';
  /** As how many requests a request counts. @defaultValue 1 */
  readonly cost?: (body: unknown) => number;
  readonly run: (context: ApiContext, asked: Asked<never, never, never>) => Promise<Result<object>>;
}

/** A route whose parts of a request have the types of its schemas. */
interface RouteInput<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Route, 'params' | 'query' | 'body' | 'run'> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly run: (context: ApiContext, asked: Asked<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Result<object>>;
}

/** Declares a route. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  input: RouteInput<P, Q, B>,
): Route {
  return { ...input, params: input.params ?? none, query: input.query ?? none };
}

const none = z.strictObject({});
