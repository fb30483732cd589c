import type { IncomingMessage } from 'node:http';

/** Whether a request has a body. A body can be sent only once. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined;
}

/** Methods whose bodies servers read. With other methods many servers take the body for the next request. */
const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether any server can be relied on to read the body of this request, so that another request may follow on the same connection. */
export function isBodyExpected(request: IncomingMessage): boolean {
  return !hasBody(request) || withBody.has(request.method ?? '');
}

/**
 * Why a request is ambiguous: about where its body ends, or about its host. Node has refused most such requests already.
 *
 * @returns a sentence; `undefined`: it is not
 */
export function ambiguityOf(request: IncomingMessage): string | undefined {
  const { headers, httpVersion, httpVersionMinor, method, rawHeaders } = request;
  // Node also parses 0.9 and 2.0, which have no such requests, and would respond as to 1.0.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return `HTTP version ${httpVersion}`;
  const coding = headers['transfer-encoding'];
  // Node ignores codings besides `chunked`, and takes one that only looks like it for no framing.
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') return 'a transfer coding other than chunked';
  // RFC 9112 section 6.1: a proxy in between may not have known the coding.
  if (coding !== undefined && httpVersionMinor === 0) return 'a transfer coding in HTTP/1.0';
  const length = headers['content-length'];
  // Some parsers read a number that begins with 0 as octal.
  if (length !== undefined && !/^(0|[1-9]\d{0,15})$/.test(length)) return 'a content-length that is not a plain number';
  // RFC 9110 section 9.3.8: TRACE has no body.
  if (method === 'TRACE' && hasBody(request)) return 'TRACE with a body';
  return hostFault(rawHeaders, httpVersionMinor > 0);
}

function hostFault(raw: readonly string[], isNeeded: boolean): string | undefined {
  let hosts = 0;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (++hosts > 1) return 'more than one Host';
    if (!host.test(raw[index + 1] as string)) return 'an invalid Host';
  }
  // RFC 9112 section 3.2.
  return hosts === 0 && isNeeded ? 'no host' : undefined;
}

/** A host with its port (RFC 9110 section 7.2). It may be empty; a name may not contain what could begin another part of a URL. */
const host = /^(?:\[(?=[^\]]*:)[0-9A-Fa-f:.]+\]|[-\w.~!$&'()*+;=\x80-\xff]*)(?::\d{0,5})?$/;
