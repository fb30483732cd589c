import { setTimeout as delay } from 'node:timers/promises';
import {
  type Config,
  type ConfigInput,
  createConfig,
  createStickyMarks,
  createTarget,
  createTrust,
  type Hooks,
  type KeysOf,
  openPages,
  pushServerAudience,
  refuseUnknownKeys,
  type StickyKeys,
  settleLocalPages,
  success,
  type Target,
} from '@gopush/contract';
import { findOldFile, type HookLocation, loadHooks, watchHooks } from '@gopush/hooks';
import {
  checkLogger,
  createLifetime,
  createMetrics,
  defaultLogger,
  type EventLoopDelay,
  type Lifetime,
  type Logger,
  listen,
  type Metrics,
  nodeName,
  openAdmin,
  urlOf,
  watchEventLoop,
} from '@gopush/service';
import { openStore, type Store } from '@gopush/store';
import { createHeaderWriter } from '../headers/headers.ts';
import { createHookSet, type HookSet, policyOf } from '../hooks/hook-set.ts';
import { hookSource } from '../hooks/hook-source.ts';
import { createLimits } from '../limits/limits.ts';
import { createSlowClients } from '../limits/slow-clients.ts';
import { openMigration } from '../migration/open-migration.ts';
import { createObserver } from '../observe/observer.ts';
import { createUpstreams } from '../proxy/http/target-connections.ts';
import { createReadBodies } from '../request/read-body.ts';
import { startChecks } from '../route/checks.ts';
import { discover } from '../route/discover.ts';
import { createFleet } from '../route/fleet.ts';
import { createHold } from '../route/hold.ts';
import { logStore } from '../route/log-store.ts';
import { resolve } from '../route/resolve.ts';
import { createRetryBudget } from '../route/retry-budget.ts';
import { createSources, type TargetList } from '../route/sources.ts';
import { openStickyKeys } from '../route/sticky-keys.ts';
import { createSuspects } from '../route/suspects.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { createApiCallers } from '../serve/api-callers.ts';
import { Tunnels } from '../tunnel/tunnels.ts';
import { openAgentFront } from './agent-front.ts';
import { describeMetrics } from './agent-metrics.ts';
import { describeAgent } from './agent-state.ts';
import { drainToRetire, drainToStop } from './drain.ts';

/** What an agent is started with. */
export interface AgentOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** The hooks themselves, or where their files are. @defaultValue none: every request is refused with `uid_missing` */
  readonly hooks?: Hooks | HookLocation;
  /** Folder of the project, from which the files of `agent.tls` and the store are seen. @defaultValue the current one */
  readonly dir?: string;
  /** Name of this agent, told to targets and in logs. @defaultValue `<processes.machine, or the host name>-agent-<index>` */
  readonly node?: string;
  /** Which of the agents of this machine this is; its admin port is `admin.agentPort` plus this. @defaultValue 0 */
  readonly index?: number;
  /** @defaultValue writes warnings and errors to standard error; `config.log` says otherwise */
  readonly logger?: Logger;
  /** Whether the port is not to be shared with other workers of a cluster. @defaultValue false */
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

const hookKeys: KeysOf<Hooks> = { agent: true, onupgrade: true, router: true };

const locationKeys: KeysOf<HookLocation> = { dir: true, environment: true };

/** A running agent. */
export interface Agent {
  /** Where it can be reached from this machine. */
  readonly url: string;
  readonly port: number;
  /** Where its admin listener can be reached; `undefined` where it has none. */
  readonly adminUrl: string | undefined;
  /** Stops gracefully: no new connections, then what is open ends or is cut after `agent.drainMs`. */
  close(): Promise<void>;
  /**
   * Makes way for a new agent: no new connections, and no admin listener. What is open goes on until it ends by itself, at most for
   * `agent.retireMs`; then the agent is closed. `close` meanwhile ends it sooner.
   */
  retire(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @throws HookError for a hook that cannot be used, StoreError for a store that cannot be opened (`routing.discover`), CertificateError for a certificate that cannot be used, ListenError for a port that cannot be had, TypeError for a wrong setting
 */
export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  refuseUnknownKeys('startAgent', options, optionKeys);
  const { dir = process.cwd(), index = 0, exclusive = false } = options;
  const config = settleLocalPages(createConfig(options.config), options.hooks);
  const node = options.node ?? nodeName('agent', index, config.processes.machine);
  const log = checkLogger('startAgent', options.logger ?? defaultLogger(node, options.config?.log));
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const metrics = createMetrics('gopush_agent_');
    lifetime.opened('metrics', metrics.close);
    const hooks = await openHooks(options.hooks ?? {}, config, metrics, log, lifetime.opened);
    const eventLoop = watchEventLoop();
    lifetime.opened('monitor of the event loop', eventLoop.close);
    const store = await openAgentStore(config, dir, log, lifetime.opened);
    const builtIn = await openBuiltIn(config, store, log, lifetime.opened);
    const keys = await openStickyKeys({ secrets: config.access.secrets, store, dir, log });
    lifetime.opened('key of sticky signatures', keys.close);
    const context = openContext(config, node, hooks, builtIn, keys.current, metrics, eventLoop, log, lifetime.opened);
    describeMetrics(metrics, context, eventLoop);

    const front = await openAgentFront(context, dir);
    lifetime.opened('certificate', front.close);
    let stopping = false;
    const admin = await openAdmin(
      config,
      {
        port: adminPort(config, index),
        setting: { port: 'admin.agentPort', offset: index },
        keepAliveMs: config.agent.keepAliveMs,
        maxHeaderBytes: config.agent.maxHeaderBytes,
        checks: { listening: () => (stopping ? 'stopping' : front.server.listening || 'not yet') },
        metrics,
        state: () => describeAgent(context),
        actions: { 'PUT /rebalance': () => `${context.migration.rebalance.rebalance()} sessions migrate` },
        log,
      },
      lifetime.opened,
    );
    const { host } = config.agent;
    const address = await listen(
      front.server,
      { port: config.agentPort, exclusive, ...(host === undefined ? {} : { host }) },
      { port: 'agentPort', host: 'agent.host' },
    );
    lifetime.opened('listener', async () => {
      stopping = true;
      await delay(config.agent.notReadyMs);
      context.hold.close();
      await drainToStop(front, context);
    });
    const url = urlOf(address, front.scheme);
    const adminUrl = admin?.url;
    log.info({ url, admin: adminUrl }, 'agent listening');
    return {
      url,
      port: address.port,
      adminUrl,
      close: lifetime.close,
      async retire() {
        log.info({ tunnels: context.tunnels.size }, 'this agent retires: a new one accepts connections');
        await admin?.close();
        await drainToRetire(front, context);
        await lifetime.close();
      },
    };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

/** Opens all that serving requests needs. */
function openContext(
  config: Config,
  node: string,
  hooks: () => HookSet,
  builtIn: TargetList,
  stickyKeys: () => StickyKeys,
  metrics: Metrics,
  eventLoop: EventLoopDelay,
  log: Logger,
  opened: Lifetime['opened'],
): AgentContext {
  const { agent, access, routing } = config;
  const { secrets, identityTtlMs } = access;
  const trusts = createTrust(access.trustedProxies);
  const observer = createObserver(metrics, log, config.log.requests);
  const limits = createLimits(config.limits, trusts, eventLoop);
  opened('limits', limits.close);
  const slow = createSlowClients(agent, observer.connectionFailed);
  opened('monitor of slow clients', slow.close);
  const fleet = createFleet(config.health, observer.ejected);
  opened('targets', fleet.close);
  opened('health checks', startChecks(fleet));
  const suspects = createSuspects(fleet);
  opened('probes of targets', suspects.close);
  const { connectTimeoutMs } = agent;
  const hold = createHold({ limits: config.hold, connectTimeoutMs, onUp: fleet.found });
  opened('waiting clients', hold.close);
  const upstreams = createUpstreams(connectTimeoutMs, agent.targetKeepAliveMs);
  opened('connections to targets', upstreams.close);
  const tunnels = new Tunnels({
    limits: { idleMs: agent.tunnelIdleMs, maxAgeMs: agent.tunnelMaxAgeMs },
    closePerSecond: agent.closePerSecond,
    events: {
      onClosed(tunnel) {
        const { member, uid, peer } = tunnel.info;
        member.tunnels--;
        limits.tunnels.close(uid);
        if (peer !== undefined) limits.connections.leave(peer);
        observer.tunnelClosed(tunnel);
      },
      onFault: (_tunnel, error) => observer.fault(error),
    },
  });
  opened('tunnels', () => tunnels.close());
  const headers = createHeaderWriter({ agent: node, trusts, secrets, identityTtlMs });
  const sources = createSources({
    builtIn,
    dnsServers: routing.dnsServers,
    allows: access.allowedTargets.length === 0 ? undefined : createTrust(access.allowedTargets),
    log,
  });
  const resolving = { hookTimeoutMs: config.hooks.timeoutMs, sources, fleet };
  const migration = openMigration({
    config,
    fleet,
    hooks,
    sources,
    // An edited router may route that path elsewhere; the session stays with its product.
    route: async (request, { product, uid }) =>
      resolve(request, { entry: undefined, product: success(product) }, uid, hooks(), resolving),
    headers,
    tunnels,
    upstreams,
    events: observer,
    log,
  });
  opened('migration of sessions', migration.close);
  return {
    ...resolving,
    config,
    node,
    log,
    hooks,
    apiCallers: createApiCallers(config.api),
    upstreams,
    onDraining(target) {
      fleet.leaves(target);
      upstreams.retire(target);
    },
    tunnels,
    pages: openPages(access.allowedOrigins, access, process.env),
    headers,
    limits,
    slow,
    observer,
    migration,
    suspects,
    hold,
    retries: createRetryBudget(routing.retryPercent),
    maxMoves: routing.maxMoves,
    marks: createStickyMarks(stickyKeys),
    readBodies: createReadBodies(config.hooks.maxBodyBytes),
  };
}

function adminPort({ admin }: Config, index: number): number {
  const first = admin?.agentPort ?? 0;
  return first === 0 ? 0 : first + index;
}

async function openHooks(
  hooks: Hooks | HookLocation,
  config: Config,
  metrics: Metrics,
  log: Logger,
  opened: Lifetime['opened'],
): Promise<() => HookSet> {
  const defaults = policyOf(config);
  const isPlace = typeof hooks === 'object' && 'dir' in hooks;
  refuseUnknownKeys('startAgent: hooks', hooks, isPlace ? locationKeys : hookKeys);
  if (!('dir' in hooks)) {
    const set = createHookSet(hooks, (hook) => `hook ${hook}`, defaults);
    return () => set;
  }
  const source = hookSource(hooks, defaults);
  const loaded = await loadHooks(source);
  for (const hook of loaded.value.missing) {
    const old = await findOldFile(hooks, hook);
    const advice = old === undefined ? `Create one with: gopush add hook ${hook}` : `${old} was renamed to ${hook}.js`;
    log.warn({ hook }, `there is no ${hook} hook: ${consequences[hook]}. ${advice}`);
  }
  if (!config.hooks.watch) return () => loaded.value;
  const reloads = metrics.counter('hook_reloads_total', 'Reloads of edited hooks, by result.', ['result']);
  const watched = watchHooks(source, loaded, { log, onReload: (result) => reloads.inc({ result }) });
  opened('hook watcher', watched.close);
  return watched.current;
}

const consequences = {
  agent: 'every HTTP request is refused',
  onupgrade: 'upgrades get their uid from the agent hook if that is a plain function, else they are refused',
  router: 'everything goes to the built-in push-servers',
} as const;

/** The store, where an agent needs it: to discover push-servers, or to share the key of sticky signatures with agents of other machines. */
async function openAgentStore(
  config: Config,
  dir: string,
  log: Logger,
  opened: Lifetime['opened'],
): Promise<Store | undefined> {
  const sharesKey = config.redisAdapter !== null && config.access.secrets.length === 0;
  if (!config.routing.discover && !sharesKey) return undefined;
  const store = await openStore(config, dir);
  opened('store', store.close);
  opened('log of the store', logStore(store, log));
  return store;
}

/** The push-servers of the settings, or those that announce themselves. */
async function openBuiltIn(
  config: Config,
  store: Store | undefined,
  log: Logger,
  opened: Lifetime['opened'],
): Promise<TargetList> {
  if (!config.routing.discover || store === undefined) {
    const targets = listBuiltInTargets(config);
    return { current: () => targets };
  }
  const discovered = await discover(store.registry, log);
  opened('discovery', discovered.close);
  return discovered;
}

/** The push-servers that gopush runs on this machine. */
function listBuiltInTargets({ pushServer, serverPortStart, serverWorkers }: Config): Target[] {
  return Array.from({ length: serverWorkers }, (_, index) => ({
    ...createTarget(pushServer.host, serverPortStart + index),
    audience: pushServerAudience,
  }));
}
