import { type Failure, type FailureCode, failures, messageOf } from './failure.ts';

/** Over how many seconds the retries are spread of clients that an overloaded node refuses at the same time. */
const spreadSeconds = 8;

/** The `Retry-After` of a failure that may pass, in seconds. Clients of an overloaded node must not all retry at once. */
export function retryAfter(code: FailureCode): number {
  return code === 'overloaded' ? 1 + Math.floor(Math.random() * spreadSeconds) : 1;
}

/** The response to a client that reads no JSON, as to a WebSocket handshake: text, with the code in a header. */
export interface FailureResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @param status - `http` or `upgrade` of the failure table. @defaultValue `upgrade` */
export function failureResponse(failure: Failure, status: number = failures[failure.code].upgrade): FailureResponse {
  const { code } = failure;
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-gopush-error': code,
      ...(status === 426 ? { upgrade: 'websocket', 'sec-websocket-version': '13, 8' } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(failures[code].retry ? { 'retry-after': String(retryAfter(code)) } : {}),
    },
    body: `${code}: ${messageOf(failure)}\n`,
  };
}
