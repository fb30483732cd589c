import type { Duplex } from 'node:stream';
import { type Failure, failureResponse } from '@gopush/contract';
import { respondOnSocket } from '@gopush/service';

/** Refuses an upgrade as agents do, with text and the code in a header, and closes its connection. */
export function refuseUpgrade(socket: Duplex, failure: Failure, headers: Readonly<Record<string, string>> = {}): void {
  const response = failureResponse(failure);
  respondOnSocket(socket, { ...response, headers: { ...response.headers, ...headers } });
}
