import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Failure, failureBody, failures, messageOf } from '@gopush/contract';
import { writeJson } from './json.ts';

/** Answers with JSON. */
export function answer(
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

/** Refuses with the status of the failure table; with `Retry-After` where it may pass by itself. */
export function refuse(response: ServerResponse, failure: Failure, headers: OutgoingHttpHeaders = {}): void {
  const { http, retry } = failures[failure.code];
  answer(response, http, failureBody(failure.code, messageOf(failure)), {
    ...(retry ? { 'retry-after': '1' } : {}),
    ...(http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
  });
}
