import { setTimeout as delay } from 'node:timers/promises';
import {
  type Config,
  type ConfigInput,
  createConfig,
  type Hooks,
  type KeysOf,
  refuseUnknownKeys,
  settleLocalPages,
} from '@gopush/contract';
import { dashboardRoutes } from '@gopush/dashboard';
import type { HookLocation } from '@gopush/hooks';
import {
  type Admin,
  checkLogger,
  createLifetime,
  createMetrics,
  defaultLogger,
  type EventLoopDelay,
  type Logger,
  listen,
  nodeName,
  openAdmin,
  urlOf,
  watchEventLoop,
} from '@gopush/service';
import type { Store } from '@gopush/store';
import type { Front } from '../listen/front.ts';
import { openStickyKeys } from '../route/sticky-keys.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { openAgentCluster } from './agent-cluster.ts';
import { openAgentFront } from './agent-front.ts';
import { describeMetrics } from './agent-metrics.ts';
import { describeAgent } from './agent-state.ts';
import { openBuiltInTargets } from './built-in-targets.ts';
import { drainToRetire, drainToStop } from './drain.ts';
import { createRouteExplanation } from './explain-route.ts';
import { createRouteList } from './list-routes.ts';
import { openContext } from './open-context.ts';
import { openHooks } from './open-hooks.ts';
import { openAgentStore } from './open-store.ts';
import type { Opening } from './opening.ts';

/** Options of an agent. */
export interface AgentOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** The hooks themselves, or where their files are. @defaultValue none: every request is refused with `uid_missing` */
  readonly hooks?: Hooks | HookLocation;
  /** Folder of the project. The files of `agent.tls` and the store are relative to it. @defaultValue the current one */
  readonly dir?: string;
  /** Name of this agent, in logs and for targets. @defaultValue `<processes.machine, or the host name>-agent-<index>` */
  readonly node?: string;
  /** Index of this agent on this machine. Its admin port is `admin.agentPort` plus the index. @defaultValue 0 */
  readonly index?: number;
  /** A logger. @defaultValue one that writes warnings and errors to standard error, unless `config.log` has other settings */
  readonly logger?: Logger;
  /** Whether the port must not be shared with other workers of a cluster. @defaultValue false */
  readonly exclusive?: boolean;
}

const optionKeys: KeysOf<AgentOptions> = {
  config: true,
  hooks: true,
  dir: true,
  node: true,
  index: true,
  logger: true,
  exclusive: true,
};

/** A running agent. */
export interface Agent {
  /** Where it can be reached from this machine. */
  readonly url: string;
  readonly port: number;
  /** Where its admin listener can be reached; `undefined` if it has none. */
  readonly adminUrl: string | undefined;
  /** Number of clients that wait until their session has its next target. */
  readonly waiting: number;
  /** Stops gracefully: accepts no new connections; open requests and tunnels may continue, and are cut after `agent.drainMs`. */
  close(): Promise<void>;
  /**
   * Makes way for a new agent: accepts no new connections, and closes the admin listener. Requests and tunnels continue until they end by themselves,
   * for at most `agent.retireMs`; then the agent is closed. Call `close` to end it sooner.
   */
  retire(): Promise<void>;
}

/**
 * Starts an agent.
 *
 * @throws HookError for a hook that cannot be used, StoreError for a store that cannot be opened (`routing.discover`), CertificateError for a
 * certificate that cannot be used, ListenError for a port that is not available, TypeError for a wrong setting
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  refuseUnknownKeys('startAgent', options, optionKeys);
  const { dir = process.cwd(), index = 0, exclusive = false } = options;
  const config = settleLocalPages(createConfig(options.config), options.hooks);
  const node = options.node ?? nodeName('agent', index, config.processes.machine);
  const log = checkLogger('startAgent', options.logger ?? defaultLogger(node, options.config?.log));
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  const { opened } = lifetime;
  try {
    const metrics = createMetrics('gopush_agent_');
    opened('metrics', metrics.close);
    const opening: Opening = { config, dir, node, metrics, log, opened };
    const hooks = await openHooks(options.hooks ?? {}, opening);
    const eventLoop = watchEventLoop();
    opened('monitor of the event loop', eventLoop.close);
    const store = await openAgentStore(opening);
    const builtIn = await openBuiltInTargets(store, opening);
    const keys = await openStickyKeys({ secrets: config.access.secrets, store, dir, log });
    opened('key of sticky signatures', keys.close);
    const context = await openContext({ hooks, builtIn, stickyKeys: keys.current, eventLoop }, opening);
    describeMetrics(metrics, context, eventLoop);
    const front = await openAgentFront(context, dir);
    opened('certificate', front.close);
    const serving = { ...opening, eventLoop, store, index, exclusive, close: lifetime.close };
    return await serveClients(front, context, serving);
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

interface Serving extends Opening {
  readonly eventLoop: EventLoopDelay;
  readonly store: Store | undefined;
  readonly index: number;
  readonly exclusive: boolean;
  /** Closes the agent. */
  readonly close: () => Promise<void>;
}

/** Opens the admin listener, then the one for clients. */
async function serveClients(front: Front, context: AgentContext, serving: Serving): Promise<Agent> {
  const { config, metrics, log, opened, index, exclusive, close, eventLoop, store } = serving;
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  let admin: Admin | undefined;
  const standing = () => ({ state, adminUrl: admin?.url });
  const cluster = openAgentCluster({ context, eventLoop, store, standing }, serving);
  admin = await openAdmin(
    config,
    {
      port: adminPort(config, index),
      setting: { port: 'admin.agentPort', offset: index },
      keepAliveMs: config.agent.keepAliveMs,
      maxHeaderBytes: config.agent.maxHeaderBytes,
      checks: { listening: () => (state === 'draining' ? 'stopping' : front.server.listening || 'not yet') },
      metrics,
      state: () => describeAgent(context),
      routes: {
        ...dashboardRoutes(),
        ...cluster.routes,
        'GET /cluster/route': createRouteExplanation(context),
        'GET /cluster/routes': createRouteList(context),
      },
      actions: { 'PUT /rebalance': async () => `${await context.migration.rebalance.rebalance()} sessions migrate` },
      log,
    },
    opened,
  );
  const { host } = config.agent;
  const address = await listen(
    front.server,
    { port: config.agentPort, exclusive, ...(host === undefined ? {} : { host }) },
    { port: 'agentPort', host: 'agent.host' },
  );
  state = 'ready';
  // Clients would be refused because of the start.
  eventLoop.restart();
  cluster.changed();
  opened('listener', async () => {
    state = 'draining';
    cluster.changed();
    await delay(config.agent.notReadyMs);
    context.hold.close();
    await drainToStop(front, context);
    // Sessions that were given to this agent from now on would end with it: targets give them to other agents.
    context.handOff?.close();
  });
  const url = urlOf(address, front.scheme);
  const adminUrl = admin?.url;
  const handOff = context.noHandOff === undefined ? 'on' : `off: ${context.noHandOff}`;
  log.info({ url, admin: adminUrl, handOff }, 'agent listening');
  return {
    url,
    port: address.port,
    adminUrl,
    get waiting() {
      return context.migration.failover.waiting;
    },
    close,
    async retire() {
      state = 'draining';
      cluster.changed();
      // Targets offer the connections that they serve to the new agent.
      context.handOff?.close();
      log.info({ tunnels: context.tunnels.size }, 'this agent retires: a new one accepts connections');
      await admin?.close();
      await drainToRetire(front, context);
      await close();
    },
  };
}

function adminPort({ admin }: Config, index: number): number {
  const first = admin?.agentPort ?? 0;
  return first === 0 ? 0 : first + index;
}
