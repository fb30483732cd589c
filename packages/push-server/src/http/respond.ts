import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Failure, failureBody, failures, messageOf } from '@gopush/contract';
import { writeJson } from './write-json.ts';

/** Responds with JSON. */
export function respond(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = Buffer.from(writeJson(value));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

/** Responds with a failure and its status in the failure table; with `Retry-After` if a retry may succeed. */
export function refuse(response: ServerResponse, failure: Failure, headers: OutgoingHttpHeaders = {}): void {
  const { http, retry } = failures[failure.code];
  respond(response, http, failureBody(failure.code, messageOf(failure)), {
    ...(retry ? { 'retry-after': '1' } : {}),
    ...(http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
  });
}
