import { failed, type Result, success } from '@gopush/contract';
import { check } from './request/check.ts';
import { id as idField } from './request/fields.ts';
import { readQuery } from './request/read-query.ts';
import type { Asked, Route } from './routes/route.ts';

/** The parts of a request, as they came. */
export interface RequestParts {
  /** Parameters in the path. */
  readonly params: unknown;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** The header `Idempotency-Key`. */
  readonly key: string | string[] | undefined;
}

/** Checks all parts of a request against the schemas of its route. */
export function checkRequest(route: Route, parts: RequestParts): Result<Asked<unknown, unknown, unknown>> {
  const params = check(route.params, parts.params, 'path');
  if (!params.ok) return params;
  const values = readQuery(parts.query, route.query);
  const query = values.ok ? check(route.query, values.value, 'query') : values;
  if (!query.ok) return query;
  if (route.body === undefined && parts.body !== undefined) return failed('payload_invalid', 'body: wanted none');
  const body = route.body === undefined ? success(undefined) : check(route.body, parts.body);
  if (!body.ok) return body;
  const id = checkKey(route, parts.key);
  if (!id.ok) return id;
  return success({ params: params.value, query: query.value, body: body.value, id: id.value });
}

function checkKey(route: Route, key: RequestParts['key']): Result<string | undefined> {
  if (key === undefined || route.id === undefined) return success(undefined);
  const id = check(idField, key, 'Idempotency-Key');
  if (!id.ok || route.id === 'taken') return id;
  return failed('payload_invalid', 'Idempotency-Key: repeats of a message that is not stored cannot be recognized');
}
