import type { ServerOptions } from 'node:http';
import type { Config } from '@gopush/contract';
import { clientKeepAliveMs } from '../tunnel/tunnel-side.ts';

/** The options of Node's server: how long clients may take, and how large their headers may be. */
export function serverOptions({ agent }: Config) {
  return {
    maxHeaderSize: agent.maxHeaderBytes,
    headersTimeout: agent.headerTimeoutMs,
    keepAliveTimeout: agent.keepAliveMs,
    // A body may take any time as long as it arrives fast enough, which createSlowClients checks.
    requestTimeout: 0,
    // How often Node looks for late headers; its default of 30 s would make a short deadline a long one.
    connectionsCheckingInterval: Math.min(agent.headerTimeoutMs, 5_000),
    // Checked with the request, so that the refusal has a code.
    requireHostHeader: false,
    noDelay: true,
    // Finds clients that vanished without closing. As long as for tunnels: Node sets four options of a socket only if that changes.
    keepAlive: true,
    keepAliveInitialDelay: clientKeepAliveMs,
  } satisfies ServerOptions;
}
