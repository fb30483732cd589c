import { createServer, type RequestListener, type Server } from 'node:http';
import type { Config } from '@gopush/contract';
import { closeAfter } from '@gopush/service';

/** Room for the headers that an agent adds to those of a client: who it is, where it comes from, a signature; in bytes. */
const ofAgentBytes = 16_384;

/** The HTTP server of a push-server: it takes whatever headers an agent has taken. */
export function createHttp({ agent, pushServer }: Config, listener: RequestListener): Server {
  const { headerTimeoutMs, requestTimeoutMs, keepAliveMs, requestsPerConnection } = pushServer;
  const server = createServer(
    {
      maxHeaderSize: agent.maxHeaderBytes + ofAgentBytes,
      // Node refuses one above the time for all of a request.
      headersTimeout: requestTimeoutMs === 0 ? headerTimeoutMs : Math.min(headerTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // Looked at with the request, so that the refusal has a code.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(headerTimeoutMs, 5_000),
    },
    listener,
  );
  closeAfter(server, requestsPerConnection);
  // Beyond a number Node leaves headers out without a word, and an agent's come last.
  server.maxHeadersCount = 0;
  return server;
}
