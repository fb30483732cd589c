import type { ServerResponse } from 'node:http';
import {
  type AllowedOrigins,
  allowReading,
  allowSending,
  failed,
  isPreflight,
  printable,
  type Result,
} from '@gopush/contract';
import { sourceOf } from '../route/destination.ts';
import type { Exchange } from '../route/exchange.ts';

/** Whether targets get the preflights for the destination of a request. */
export function passesPreflights({ destination, hooks }: Exchange): boolean {
  return (destination.entry?.preflight ?? sourceOf(destination, hooks)?.policy.preflight) === 'pass';
}

/**
 * Responds to a preflight of a listed origin, unless preflights are passed to the targets. A preflight has no credentials, so no hook could
 * identify its client. Preflights of other origins are served like any request: an app hook may respond to them.
 *
 * @returns whether it did
 */
export function respondToPreflight(exchange: Exchange, response: ServerResponse, pages: AllowedOrigins): boolean {
  const { request } = exchange;
  if (!isPreflight(request) || passesPreflights(exchange)) return false;
  if (!allowReading(request, response, pages)) return false;
  allowSending(request, response);
  response.writeHead(204).end();
  return true;
}

/**
 * The failure of a request whose client the hooks do not identify. For a preflight it explains that preflights carry
 * no credentials, and what to change.
 */
export function explainPreflight({ request }: Exchange, unknown: Result<never>): Result<never> {
  const isUnknown =
    !unknown.ok && (unknown.failure.code === 'uid_missing' || unknown.failure.code === 'api_key_missing');
  if (!isUnknown || !isPreflight(request)) return unknown;
  const origin = printable(request.headers.origin ?? '');
  const change = `add it to access.allowedOrigins, or let the target respond: preflight: 'pass'`;
  return failed('origin_refused', `A preflight of a page of origin ${origin} carries no credentials; ${change}.`);
}
