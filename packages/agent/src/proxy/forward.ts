import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import { failed, type Result, success, type Target } from '@gopush/contract';
import { type Connections, ConnectTimeoutError } from './connections.ts';
import { responseHeaders } from './headers.ts';

/** What forwarding needs besides request and response. */
export interface ForwardOptions {
  readonly target: Target;
  /** Path and query for the target. */
  readonly path: string;
  /** Headers for the target, as names and values in turn. */
  readonly headers: readonly string[];
  readonly connections: Connections;
  /** How long nothing may move before the answer begins, in milliseconds. */
  readonly answerTimeoutMs: number;
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * Streams a request to its target and the answer back. Resolves when the answer is complete or either side went away;
 * a failure is one that happened before any of the answer was sent.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<Result<void>> {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  const { pooled, single } = options.connections;
  const first = await attempt(request, response, options, hasBody, pooled);
  if (first !== 'reset') return first;
  // A target may close an idle connection in the moment we use it. It has served nothing then, and asking again is safe; on a new
  // connection, as the other idle ones may be as old.
  const mayRepeat = !hasBody && idempotent.has(request.method ?? '');
  const second = mayRepeat ? await attempt(request, response, options, hasBody, single) : first;
  return second === 'reset' ? failed('target_unreachable', 'the connection was reset') : second;
}

function attempt(
  request: IncomingMessage,
  response: ServerResponse,
  { target, path, headers, answerTimeoutMs }: ForwardOptions,
  hasBody: boolean,
  agent: Agent,
): Promise<Result<void> | 'reset'> {
  return new Promise((resolve) => {
    const upstream = openRequest({
      host: target.host,
      port: target.port,
      method: request.method,
      path,
      headers:
        request.headers['transfer-encoding'] === undefined ? headers : [...headers, 'transfer-encoding', 'chunked'],
      agent,
      setHost: false,
    });
    let answer: IncomingMessage | undefined;

    const clientGone = (): void => {
      if (response.writableFinished) return;
      upstream.destroy();
      end(success(undefined));
    };
    const end = (result: Result<void> | 'reset'): void => {
      response.off('close', clientGone);
      resolve(result);
    };
    response.once('close', clientGone);

    upstream.setTimeout(answerTimeoutMs, () => {
      if (answer === undefined) upstream.destroy(new AnswerTimeoutError());
    });
    upstream.on('error', (error) => {
      if (answer !== undefined) answer.destroy();
      else if (isReset(error)) end('reset');
      else end(failureOf(error));
    });
    upstream.once('response', (incoming) => {
      answer = incoming;
      upstream.setTimeout(0);
      relay(incoming, request, response, () => end(success(undefined)));
    });
    sendBody(request, upstream, hasBody);
  });
}

function sendBody(request: IncomingMessage, upstream: ClientRequest, hasBody: boolean): void {
  if (!hasBody) {
    upstream.end();
    return;
  }
  request.once('end', () => {
    if (request.rawTrailers.length > 0) upstream.addTrailers(pairs(request.rawTrailers));
  });
  request.pipe(upstream);
}

function relay(answer: IncomingMessage, request: IncomingMessage, response: ServerResponse, done: () => void): void {
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer.rawHeaders));
  // Server-sent events and the like: the client waits for the headers, not for the first byte.
  response.flushHeaders();
  // A cut answer is dealt with when it closes.
  answer.on('error', () => {});
  answer.once('end', () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairs(answer.rawTrailers));
  });
  answer.once('close', () => {
    // Cut, so that half an answer is not taken for a whole one.
    if (!answer.complete) response.destroy();
    // An answer may come before the request is complete; the rest of it is of no use to anyone.
    if (!request.complete) request.unpipe();
    done();
  });
  answer.pipe(response);
}

/** The target did not begin its answer in time. */
class AnswerTimeoutError extends Error {
  override readonly name = 'AnswerTimeoutError';
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

/** Takes what went wrong with a target to a failure. */
export function failureOf(error: NodeJS.ErrnoException): Result<never> {
  if (error instanceof AnswerTimeoutError) return failed('target_silent');
  if (error instanceof ConnectTimeoutError) return failed('target_unreachable', error.message);
  if (error.code?.startsWith('HPE_')) return failed('target_bad_answer', error.message);
  return failed('target_unreachable', error.message);
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length >> 1 }, (_, index) => [
    raw[index * 2] as string,
    raw[index * 2 + 1] as string,
  ]);
}
