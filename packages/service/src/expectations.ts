import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Sends the 100 of each request whose client waits for it before it sends the body. */
const waiting = new WeakMap<IncomingMessage, () => void>();

/**
 * Makes a server send `100 Continue` when the body of a request is first read (RFC 9110 section 10.1.1), that is, when a handler has decided to
 * accept it. Node would send it before any handler runs. Requests with another expectation are handled as usual; see {@link expectsUnknown}.
 */
export function handleExpectations(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (hasContent(request)) waitForReader(request, response);
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

/** Whether a request has an expectation other than `100-continue`. HTTP/1.0 has no expectations. */
export function expectsUnknown({ headers: { expect }, httpVersionMinor }: IncomingMessage): boolean {
  return expect !== undefined && httpVersionMinor > 0 && expect.toLowerCase() !== '100-continue';
}

/** Whether a client still waits for its 100. */
export function awaitsContinue(request: IncomingMessage): boolean {
  return waiting.has(request);
}

/** Lets the body be read without sending a 100: the caller sends it by {@link sendContinue}. */
export function holdContinue(request: IncomingMessage): void {
  if (waiting.has(request)) Reflect.deleteProperty(request, '_read');
}

/** Sends the 100 that a client waits for. Does nothing if it does not wait, or already has its response. */
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
  // A stream calls this when its data is wanted (https://nodejs.org/api/stream.html#readable_readsize).
  request._read = (size) => {
    sendContinue(request);
    request._read(size);
  };
}

function hasContent({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
