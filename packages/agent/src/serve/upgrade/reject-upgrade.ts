import type { Duplex } from 'node:stream';
import { type Failure, type FailureCode, failureResponse, failures, requestIdHeader } from '@gopush/contract';
import { respondOnSocket } from '@gopush/service';

/** Refuses an upgrade request with a failure, and closes its connection. */
export function rejectUpgrade(client: Duplex, failure: Failure, id: string): void {
  const response = failureResponse(failure);
  respondOnSocket(client, { ...response, headers: { ...response.headers, [requestIdHeader]: id } });
}

/** Refuses bytes that are no request, and closes their connection. */
export function rejectConnection(client: Duplex, code: FailureCode): void {
  respondOnSocket(client, failureResponse({ code }, failures[code].http));
}
