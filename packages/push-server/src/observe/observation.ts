import type { Server as HttpServer } from 'node:http';
import { createClusterPart } from '@gopush/cluster';
import type { Config } from '@gopush/contract';
import { dashboardRoutes } from '@gopush/dashboard';
import { type Check, type Lifetime, type Logger, type Metrics, openAdmin, watchEventLoop } from '@gopush/service';
import type { Store } from '@gopush/store';
import type { Fanout } from '../fanout/bus/fanout.ts';
import { createAdminActions, createAdminActs } from './admin-actions.ts';
import { describeMetrics } from './describe-metrics.ts';
import { measureLag } from './fanout-metrics.ts';
import { ServerFacts } from './server-facts.ts';
import { describeServer } from './server-state.ts';
import type { ServerView } from './server-view.ts';

/** The metrics, state and readiness of a push-server, on its admin listener. */
export interface Observation {
  /** The URL of the admin listener; `undefined`: there is none. */
  readonly adminUrl: string | undefined;
  /** Shows the push-server, once it is open. */
  show(view: ServerView, http: HttpServer): void;
  /** Tells other nodes at once that the state of the push-server has changed. */
  changed(): void;
  /** Reports from now on that the push-server is not ready, as it stops. */
  stopping(): void;
}

/** Options of an observation. */
export interface ObservationOptions {
  readonly config: Config;
  /** Number of this push-server among those of its machine. */
  readonly index: number;
  readonly node: string;
  readonly metrics: Metrics;
  readonly fanout: Fanout;
  readonly store: Store;
  readonly log: Logger;
}

/**
 * Opens the admin listener. It is opened before what it shows, so that it still reports while that is closed at a stop.
 *
 * @throws ListenError for a port that cannot be had
 */
export async function openObservation(options: ObservationOptions, opened: Lifetime['opened']): Promise<Observation> {
  const { config, index, node, metrics, fanout, store, log } = options;
  let shown: { readonly view: ServerView; readonly http: HttpServer } | undefined;
  let facts: ServerFacts | undefined;
  let isStopping = false;
  const checks: Record<string, Check> = {
    listening: () => (isStopping ? 'stopping' : shown?.http.listening === true || 'not yet'),
    store: () => store.state() === 'up' || joinReason(store.state(), store.problem()),
    'fan-out'() {
      const problem = fanout.problem();
      return problem === undefined || joinReason('down', problem);
    },
  };
  const cluster = createClusterPart({
    isOn: config.admin?.cluster ?? false,
    isolateProducts: config.pushServer.isolateProducts,
    tier: 'push-server',
    name: node,
    id: fanout.bus.node,
    // It joins when it is shown.
    describe: () => (facts as ServerFacts).describe(isStopping, checks),
    acts: { drain: () => shown?.view.drain() ?? 'not yet', ...createAdminActs(() => shown?.view.push) },
    log,
  });
  opened('cluster view', cluster.close);
  const first = config.admin?.serverPort ?? 0;
  const admin = await openAdmin(
    config,
    {
      port: first === 0 ? 0 : first + index,
      setting: { port: 'admin.serverPort', offset: index },
      keepAliveMs: config.pushServer.keepAliveMs,
      maxHeaderBytes: config.agent.maxHeaderBytes,
      checks,
      metrics,
      state: () => (shown === undefined ? { node } : describeServer(shown.view, config)),
      routes: { ...dashboardRoutes(), ...cluster.routes, ...createAdminActions(() => shown?.view.push) },
      actions: { 'PUT /drain': () => shown?.view.drain() ?? 'not yet' },
      log,
    },
    opened,
  );
  return {
    adminUrl: admin?.url,
    show(view, http) {
      shown = { view, http };
      const eventLoop = watchEventLoop();
      opened('monitor of the event loop', eventLoop.close);
      describeMetrics(metrics, view, eventLoop);
      opened('pings', measureLag(metrics, fanout));
      facts = new ServerFacts(view, http, eventLoop, admin?.url);
      cluster.join(store);
      opened('summary of this push-server', cluster.leave);
    },
    changed: cluster.changed,
    stopping() {
      isStopping = true;
      cluster.changed();
    },
  };
}

function joinReason(state: string, reason: string | undefined): string {
  return reason === undefined ? state : `${state}: ${reason}`;
}
