import type { IncomingMessage, ServerResponse } from 'node:http';
import { failed, type Result } from '@gopush/contract';
import { awaitsContinue, holdContinue } from '@gopush/service';
import { isChunked } from '../../request/request-framing.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../../wire/write-head.ts';
import { type ForwardOptions, mayReuse } from './forward-options.ts';
import { Forwarding, type NoResponse } from './forwarding.ts';

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * Streams a request to its target and the response back. Resolves when the response is complete or either side went away; a failure is one that
 * happened before any of the response was sent.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<Result<void>> {
  const { body, target } = options;
  holdContinue(request);
  const head = headFor(request, options);
  // A kept connection may be closed at any time: only for what can be sent once more.
  const first = await attempt(head, !options.reuse || !body.keep());
  if (typeof first !== 'string') return first;
  // On a new connection, as the other kept ones may be as old.
  const mayRepeat = first === 'unread' || (!body.exists && idempotent.has(request.method ?? ''));
  const second = mayRepeat ? await attempt(head, true) : first;
  return typeof second === 'string' ? failed('target_reset', target.name) : second;

  function attempt(head: string, fresh: boolean): Promise<Result<void> | NoResponse> {
    return new Promise((resolve) => {
      new Forwarding({ request, response, options, fresh }, resolve).start(head);
    });
  }
}

function headFor(request: IncomingMessage, options: ForwardOptions): string {
  let headers = writeHost(writeHeaders(options.headers), options.target);
  if (isChunked(request)) headers += 'transfer-encoding: chunked\r\n';
  // If no hook has read the body, the target decides whether to take it.
  if (awaitsContinue(request)) headers += 'expect: 100-continue\r\n';
  // A target that does not read the body would take a part of it for the next request, were the connection kept.
  if (!mayReuse(request, options)) headers += 'connection: close\r\n';
  return writeRequestHead(request.method ?? 'GET', options.path, headers);
}
