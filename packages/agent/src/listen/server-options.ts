import type { ServerOptions } from 'node:http';
import type { Config } from '@gopush/contract';

/** After how long without a byte the kernel asks whether a client is still there, in milliseconds. */
const probeMs = 30_000;

/** How long clients may take for what, and how large their headers may be, as Node's servers are told. */
export function serverOptions({ agent }: Config) {
  return {
    maxHeaderSize: agent.maxHeaderBytes,
    headersTimeout: agent.headerTimeoutMs,
    keepAliveTimeout: agent.keepAliveMs,
    // A body may take as long as it moves fast enough; that is looked at elsewhere.
    requestTimeout: 0,
    // Node looks for late headers this often; its default of 30 s would make a short deadline a long one.
    connectionsCheckingInterval: Math.min(agent.headerTimeoutMs, 5_000),
    // Looked at with the request, so that the refusal has a code.
    requireHostHeader: false,
    noDelay: true,
    // Finds out about clients that went away without a word, before the limits of an answer do.
    keepAlive: true,
    keepAliveInitialDelay: probeMs,
  } satisfies ServerOptions;
}
