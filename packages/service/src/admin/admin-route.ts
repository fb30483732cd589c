import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, Need } from './access.ts';

/** One path of an admin listener. */
export interface AdminRoute {
  readonly needs: Need;
  /** Responds. An error that it throws ends the connection, and is logged. */
  readonly serve: (request: IncomingMessage, response: ServerResponse, caller: Caller) => void | Promise<void>;
}

/** Responds with a text. */
export function respondText(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

/** Responds with JSON. */
export function respondJson(response: ServerResponse, status: number, body: unknown): void {
  respondText(response, status, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json' });
}

/**
 * Reads the body of a request as text.
 *
 * @param maxBytes - largest body
 * @returns `undefined` for a longer one
 */
export async function readText(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The request stays: without it there is no connection for the response.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
