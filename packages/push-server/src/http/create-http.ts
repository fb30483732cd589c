import { createServer, type RequestListener, type Server } from 'node:http';
import type { Config } from '@gopush/contract';
import { closeAfter, shareSocketShapes } from '@gopush/service';

/** Bytes for the headers that an agent adds to those of a client: identity, forwarded address, signature. */
const ofAgentBytes = 16_384;

/** Creates the HTTP server of a push-server. It accepts all headers that an agent accepts. */
export function createHttp({ agent, pushServer }: Config, listener: RequestListener): Server {
  const { headerTimeoutMs, requestTimeoutMs, keepAliveMs, requestsPerConnection } = pushServer;
  shareSocketShapes();
  const server = createServer(
    {
      maxHeaderSize: agent.maxHeaderBytes + ofAgentBytes,
      // Node refuses a longer time than that for the whole request.
      headersTimeout: requestTimeoutMs === 0 ? headerTimeoutMs : Math.min(headerTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // Checked by the gate, so that the refusal has a code.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(headerTimeoutMs, 5_000),
    },
    listener,
  );
  closeAfter(server, requestsPerConnection);
  // Beyond this number, Node silently drops headers, and an agent's come last.
  server.maxHeadersCount = 0;
  return server;
}
