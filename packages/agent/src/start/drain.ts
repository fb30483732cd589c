import type { Front } from '../listen/front.ts';
import type { AgentContext } from '../serve/agent-context.ts';

/**
 * For how long a stopping agent still takes requests on kept connections, in milliseconds, as `keepalive_min_timeout` of nginx does. Each gets its
 * response, which closes its connection. If connections were closed at once, a request that is on its way would be lost.
 */
const lastRequestMs = 1_000;

/** A planned stop: no new connections; requests in flight and tunnels continue until `agent.drainMs` is over. */
export function drainToStop(front: Front, context: AgentContext): Promise<void> {
  const { drainMs } = context.config.agent;
  return drain(front, context, drainMs, Math.min(lastRequestMs, drainMs / 2));
}

/**
 * Another agent has replaced this one: tunnels and requests continue for `agent.retireMs`, and idle connections until
 * their clients would close them.
 */
export function drainToRetire(front: Front, context: AgentContext): Promise<void> {
  return drain(front, context, context.config.agent.retireMs, front.server.keepAliveTimeout + 1_000);
}

/** Closes tunnels one after another until the deadline, so that their clients do not all reconnect to other agents at once. */
async function drain(
  front: Front,
  { config, tunnels, migration }: AgentContext,
  drainMs: number,
  idleMs: number,
): Promise<void> {
  // A drain waits for tunnels.
  migration.handed.onlyTunnels();
  await tunnels.drain(drainMs, config.agent.closePerSecond, front.drain(drainMs, idleMs));
}
