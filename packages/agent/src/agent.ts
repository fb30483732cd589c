import type { Socket } from 'node:net';
import {
  type Config,
  type ConfigInput,
  createConfig,
  createTarget,
  failures,
  type Hooks,
  type Target,
} from '@gopush/contract';
import { createLifetime, type Logger, listen, silentLogger, urlOf } from '@gopush/service';
import { AgentRequest } from './agent-request.ts';
import type { AgentContext } from './context.ts';
import { handleRequest } from './handle-request.ts';
import { handleUpgrade } from './handle-upgrade.ts';
import type { HookLocation } from './hooks/find-hook-files.ts';
import { createHookSet, type HookSet } from './hooks/hook-set.ts';
import { loadHooks } from './hooks/load-hooks.ts';
import { watchHooks } from './hooks/watch-hooks.ts';
import { type Front, openFront } from './listen/front.ts';
import { createTrust } from './proxy/trust.ts';
import { createTunnels } from './proxy/tunnels.ts';
import { createUpstreams } from './proxy/upstreams.ts';
import { rejectConnection, rejectRequest } from './reject.ts';

/** What an agent is started with. */
export interface AgentOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** The hooks themselves, or where their files are. @defaultValue none: every request is refused with `uid_missing` */
  readonly hooks?: Hooks | HookLocation;
  /** Folder of the project, from which the files of `agent.tls` are seen. @defaultValue the current one */
  readonly dir?: string;
  /** Name of this agent, told to targets and in logs. @defaultValue `'agent'` */
  readonly node?: string;
  /** @defaultValue writes nothing */
  readonly logger?: Logger;
  /** Whether the port is not to be shared with other workers of a cluster. @defaultValue false */
  readonly exclusive?: boolean;
}

/** A running agent. */
export interface Agent {
  /** Where it can be reached from this machine. */
  readonly url: string;
  readonly port: number;
  /** Stops gracefully: no new connections, then what is open ends or is cut after `agent.drainMs`. */
  close(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @throws HookError for a hook that cannot be used, CertificateError for a certificate that cannot be used, ListenError for a port that cannot be had, TypeError for a wrong setting
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  const { dir = process.cwd(), node = 'agent', logger: log = silentLogger, exclusive = false } = options;
  const config = createConfig(options.config);
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const builtInTargets = listBuiltInTargets(config);
    const hooks = await openHooks(options.hooks ?? {}, builtInTargets, config, log, lifetime.opened);
    const upstreams = createUpstreams(config.agent.connectTimeoutMs);
    lifetime.opened('connections to targets', upstreams.close);
    const tunnels = createTunnels({ idleMs: config.agent.tunnelIdleMs, maxAgeMs: config.agent.tunnelMaxAgeMs });
    lifetime.opened('tunnels', tunnels.close);
    const hookTimeoutMs = config.hooks.timeoutMs;
    const trusts = createTrust(config.access.trustedProxies);
    const context: AgentContext = {
      config,
      node,
      log,
      hooks,
      upstreams,
      tunnels,
      trusts,
      hookTimeoutMs,
      builtInTargets,
    };

    const front = await openAgentFront(context, dir);
    lifetime.opened('certificate', front.close);
    const { host } = config.agent;
    const address = await listen(front.server, {
      port: config.agentPort,
      exclusive,
      ...(host === undefined ? {} : { host }),
    });
    lifetime.opened('listener', () => drain(front, context));
    const url = urlOf(address, front.scheme);
    log.info({ url }, 'agent listening');
    return { url, port: address.port, close: lifetime.close };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

async function openAgentFront(context: AgentContext, dir: string): Promise<Front> {
  const { agent } = context.config;
  const front = await openFront(context.config, dir, context.log, {
    IncomingMessage: AgentRequest,
    maxHeaderSize: agent.maxHeaderBytes,
    headersTimeout: agent.headerTimeoutMs,
    // A body may take as long as it moves; targets have their own limits.
    requestTimeout: 0,
    // Node looks for late headers this often; its default of 30 s would make a short deadline a long one.
    connectionsCheckingInterval: Math.min(agent.headerTimeoutMs, 5_000),
    noDelay: true,
  });
  const { server } = front;
  const crashed = (error: unknown): void => context.log.error({ err: error }, failures.internal.message);
  server.on('request', (request: AgentRequest, response) => {
    handleRequest(request, response, context).catch((error: unknown) => {
      crashed(error);
      rejectRequest(response, { code: 'internal' });
    });
  });
  server.on('upgrade', (request: AgentRequest, socket, head) => {
    handleUpgrade(request, socket as Socket, head, context).catch((error: unknown) => {
      crashed(error);
      socket.destroy();
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy();
    else if (error.code === 'HPE_HEADER_OVERFLOW') rejectConnection(socket, 'headers_too_large');
    else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') rejectConnection(socket, 'request_timeout');
    else rejectConnection(socket, 'request_malformed');
  });
  return front;
}

/**
 * No new connections; requests in flight and tunnels go on until the deadline. The tunnels are closed before it one after another,
 * so many a second, so that their clients do not all come back to the remaining agents at once.
 */
async function drain(front: Front, { config, tunnels }: AgentContext): Promise<void> {
  const { drainMs, closePerSecond } = config.agent;
  await Promise.all([front.drain(drainMs), tunnels.drain(drainMs, closePerSecond)]);
}

async function openHooks(
  hooks: Hooks | HookLocation,
  builtInTargets: readonly Target[],
  config: Config,
  log: Logger,
  opened: (what: string, close: () => void) => void,
): Promise<() => HookSet> {
  if (!('dir' in hooks)) {
    const set = createHookSet(hooks, (hook) => `hook ${hook}`, builtInTargets);
    return () => set;
  }
  const loaded = await loadHooks(hooks, builtInTargets);
  for (const hook of loaded.set.missing) {
    log.warn({ hook }, `there is no ${hook} hook: ${consequences[hook]}. Make one with: gopush add hook ${hook}`);
  }
  if (!config.hooks.watch) return () => loaded.set;
  const watched = watchHooks(hooks, builtInTargets, loaded, log);
  opened('hook watcher', watched.close);
  return () => watched.current().set;
}

const consequences = {
  agent: 'every HTTP request is refused',
  onupgrade:
    'the uid of upgrades comes from the agent hook, where that is a plain function; otherwise they are refused',
  router: 'everything goes to the built-in push-servers',
} as const;

/** The push-servers that gopush runs on this machine. */
function listBuiltInTargets({ pushServer, serverPortStart, serverWorkers }: Config): Target[] {
  return Array.from({ length: serverWorkers }, (_, index) => createTarget(pushServer.host, serverPortStart + index));
}
