import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type AllowedOrigins,
  allowReading,
  type Failure,
  type FailureCode,
  failureBody,
  failures,
  messageOf,
  requestIdHeader,
} from '@gopush/contract';
import { wasPassedOn } from '../hooks/app-messages.ts';

/** After how many seconds trying again makes sense. Those that are refused by a node with too much to do must not all come back at once. */
function retryAfter(code: FailureCode): number {
  return code === 'overloaded' ? 1 + Math.floor(Math.random() * spreadSeconds) : 1;
}

/** Over how many seconds those come back that a node with too much to do has refused at the same time. */
const spreadSeconds = 8;

/** Answers an HTTP request with a failure, which pages of listed origins may read; one whose answer already began is cut, since no status can be taken back. */
export function rejectRequest(response: ServerResponse, failure: Failure, id: string, pages: AllowedOrigins): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  allowReading(response.req, response, pages);
  const { code } = failure;
  const row = failures[code];
  const page = row.retry && isNavigating(response.req);
  const body = page ? waitingPage(code) : JSON.stringify(failureBody(code, messageOf(failure)));
  const headers: OutgoingHttpHeaders = {
    'content-type': page ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-gopush-error': code,
    [requestIdHeader]: id,
  };
  dropContentHeaders(response);
  if (row.http === 401) headers['www-authenticate'] = 'Bearer';
  if (row.retry) headers['retry-after'] = String(retryAfter(code));
  // What is left of the body would otherwise be read, to no use, before the next request; and a connection that was not taken must not
  // be refused request by request for as long as its client keeps it.
  if (!response.req.complete || ofConnection.has(code)) headers.connection = 'close';
  try {
    response.writeHead(row.http, reasonOf(row.http), headers);
    response.end(body);
  } catch (error) {
    // By a middleware that has put itself in between.
    if (!wasPassedOn(response)) throw error;
    response.destroy();
  }
}

/** What a middleware of an app hook may have set that is about another content than that of a refusal. */
const ofContent = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'etag',
  'expires',
  'last-modified',
] as const;

function dropContentHeaders(response: ServerResponse): void {
  if (wasPassedOn(response)) for (const name of ofContent) response.removeHeader(name);
}

/** Refusals that are about the connection, not about the request on it. */
const ofConnection: ReadonlySet<FailureCode> = new Set([
  'overloaded',
  'too_many_connections',
  'too_many_connections_ip',
  'too_fast',
  'too_fast_ip',
  'stopping',
]);

/** Whether a person waits for a page. */
function isNavigating({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/html') === true;
}

/** A page that says what is the matter, and comes back by itself. */
function waitingPage(code: FailureCode): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${pageRefreshSeconds}"><title>One moment</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1em}small{color:#777}</style>
<h1>One moment</h1><p>${failures[code].message} This page reloads by itself.</p><small>${code}</small></html>
`;
}

/** After how many seconds the page tries again. */
const pageRefreshSeconds = 3;

/** Answers an upgrade request with a failure, as text, and closes. The socket's error listener must be in place. */
export function rejectUpgrade(socket: Duplex, failure: Failure, id: string): void {
  writeRejection(socket, failures[failure.code].upgrade, failure, id);
}

/** Answers bytes that were no request. */
export function rejectConnection(socket: Duplex, code: FailureCode): void {
  writeRejection(socket, failures[code].http, { code });
}

function writeRejection(socket: Duplex, status: number, failure: Failure, id?: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { code } = failure;
  const { retry } = failures[code];
  const body = `${code}: ${messageOf(failure)}\n`;
  const head = [
    `HTTP/1.1 ${status} ${reasonOf(status)}`,
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-gopush-error: ${code}`,
    ...(id === undefined ? [] : [`${requestIdHeader}: ${id}`]),
    ...(status === 426 ? ['upgrade: websocket', 'sec-websocket-version: 13, 8'] : []),
    ...(status === 401 ? ['www-authenticate: Bearer'] : []),
    ...(retry ? [`retry-after: ${retryAfter(code)}`] : []),
    'connection: close',
  ];
  // Unread bytes would make the kernel reset the connection, and the client lose the answer.
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function reasonOf(status: number): string {
  // 430 is not registered; gopush 0.1 gave it.
  return STATUS_CODES[status] ?? (status === 499 ? 'Client Closed Request' : 'Unidentified');
}
