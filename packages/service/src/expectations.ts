import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Requests whose clients wait for a 100 before they send a body, and what sends it. */
const waiting = new WeakMap<IncomingMessage, () => void>();

/**
 * Has a server send `100 Continue` when the body of a request is first read (RFC 9110 section 10.1.1): by then somebody has decided to take it.
 * Node would send it before anybody is asked. Requests that expect anything else are told of as any request; {@link expectsUnknown} knows them.
 */
export function answerExpectations(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (hasContent(request)) waitForReader(request, response);
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/** Whether a request expects what nobody here knows. In HTTP/1.0 there are no expectations. */
export function expectsUnknown({ headers: { expect }, httpVersionMinor }: IncomingMessage): boolean {
  return expect !== undefined && httpVersionMinor > 0 && expect.toLowerCase() !== '100-continue';
}

/** Whether a client still waits for its 100. */
export function awaitsContinue(request: IncomingMessage): boolean {
  return waiting.has(request);
}

/** From now on the body may be read without a 100: somebody else decides, and calls {@link sendContinue}. */
export function holdContinue(request: IncomingMessage): void {
  if (waiting.has(request)) Reflect.deleteProperty(request, '_read');
}

/** Sends the 100 that a client waits for; nothing where it does not wait, or has its response. */
export function sendContinue(request: IncomingMessage): void {
  const send = waiting.get(request);
  holdContinue(request);
  waiting.delete(request);
  send?.();
}

function waitForReader(request: IncomingMessage, response: ServerResponse): void {
  waiting.set(request, () => {
    if (!response.headersSent && !response.destroyed) response.writeContinue();
  });
  // What a stream calls when somebody wants its data (https://nodejs.org/api/stream.html#readable_readsize).
  request._read = (size) => {
    sendContinue(request);
    request._read(size);
  };
}

function hasContent({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
