import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Failure, type FailureCode, failureBody, failures } from '@gopush/contract';
import { writeJson } from './json.ts';

/** Failures whose detail we wrote for whoever asked; that of others is for the log. */
const shown: ReadonlySet<FailureCode> = new Set(['payload_invalid', 'room_invalid', 'event_invalid']);

/** `{ error: { code, message } }`, where the message says which field is wrong. */
export function errorBody({ code, detail }: Failure): ReturnType<typeof failureBody> {
  const body = failureBody(code);
  if (detail === undefined || !shown.has(code)) return body;
  return { error: { code, message: `${body.error.message} ${detail}` } };
}

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
  answer(response, http, errorBody(failure), {
    ...(retry ? { 'retry-after': '1' } : {}),
    ...(http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
  });
}
