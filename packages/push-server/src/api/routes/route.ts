import type { ApiScope, FailureCode, Result } from '@gopush/contract';
import { z } from 'zod';
import type { Push, RoomOptions } from '../../rooms/publish/push.ts';

/** What answering needs. */
export interface ApiContext {
  readonly push: Push;
  /** How something is kept where the request does not say. */
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

/** One thing that can be asked of the API: what dispatches requests and what makes the document of them. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As OpenAPI writes it, below `/api/v1`. */
  readonly path: string;
  readonly scope: ApiScope;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** Absent: it takes none. */
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** Besides those that any request may get. */
  readonly failures: readonly FailureCode[];
  /** Whether it concerns all products, so that a key for some of them cannot use it. @defaultValue false */
  readonly across?: boolean;
  /** Whether the same may be asked again with the same `Idempotency-Key`; `refused`: there is nothing that could recognize it. */
  readonly id?: 'taken' | 'refused';
  /** How many requests this one counts as. @defaultValue 1 */
  readonly cost?: (body: unknown) => number;
  readonly run: (context: ApiContext, asked: Asked<never, never, never>) => Promise<Result<object>>;
}

/** A route as it is written: what a request holds has the types of its schemas. */
interface RouteInput<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>
  extends Omit<Route, 'params' | 'query' | 'body' | 'run'> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly run: (context: ApiContext, asked: Asked<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Result<object>>;
}

/** Writes a route. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>(
  input: RouteInput<P, Q, B>,
): Route {
  return { ...input, params: input.params ?? none, query: input.query ?? none };
}

/** An answer that says no more than that it was done. */
export const done = z.strictObject({});

const none = z.strictObject({});
