import type { ServerResponse } from 'node:http';
import type { Failure, FailureCode, Target } from '@gopush/contract';
import { type Logger, type Metrics, waitBuckets } from '@gopush/service';
import type { SilentCause } from '../migration/pulse.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Member } from '../route/fleet.ts';
import { createFailureLog } from '../serve/reject.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';

/** What is known of a request while it is served; the line in the log is made of it. */
export interface Served {
  /** The same in the logs of all tiers. */
  id: string;
  /** Address of the client. */
  address: string;
  uid?: string;
  product?: string;
  member?: Member;
  /** When it came, as `performance.now()` tells. */
  readonly startedAt: number;
}

/** What is known of a tunnel besides what it carries. */
export interface TunnelInfo extends Served {
  readonly uid: string;
  readonly product: string;
  member: Member;
  /** Why its session cannot go on at another target, although the target knows how; `undefined`: it can, or the target does not. */
  readonly cannotMove: 'compressed' | undefined;
  /** By which address the connection is counted until the tunnel ends; `undefined`: by its own socket. */
  readonly peer: string | undefined;
}

/** Writes the lines and counts of what an agent does. */
export interface Observer {
  request(request: AgentRequest, response: ServerResponse, served: Served, failure: Failure | undefined): void;
  /** An upgrade that came to nothing. */
  upgradeFailed(request: AgentRequest, served: Served, failure: Failure): void;
  /** An upgrade that its target answered without upgrading. */
  upgradeAnswered(request: AgentRequest, served: Served, status: number): void;
  tunnelOpened(info: TunnelInfo): void;
  tunnelClosed(tunnel: Tunnel): void;
  /** A callback threw, a fault of the program; its connection ends. */
  fault(error: unknown): void;
  /** Bytes that were no request. */
  connectionFailed(code: FailureCode): void;
  ejected(member: Member, event: 'ejected' | 'back', forMs: number): void;
  /** A target gave no sign of life, and is taken for crashed. */
  targetSilent(target: Target, cause: SilentCause, tunnels: number, forMs: number): void;
  moved(tunnel: Tunnel, from: Member, cause: 'planned' | 'crash', pauseMs: number): void;
  /** A session could not go on at another target. */
  fellBack(tunnel: Tunnel, from: Member, cause: string): void;
  /** The target of a session without a tunnel cannot be reached: its client begins a new one, by a request that another answers. */
  sessionLost(): void;
  /** Totals of tunnels that are closed. */
  readonly carried: Carried;
}

/** What went through tunnels. */
interface Carried {
  opened: number;
  bytesFromClients: number;
  bytesFromTargets: number;
  messagesFromClients: number;
  messagesFromTargets: number;
}

const tunnelBuckets = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400] as const;

/**
 * Opens the observer of an agent.
 *
 * @param lines - whether each request and each tunnel gets a line
 */
export function createObserver(metrics: Metrics, log: Logger, lines: boolean): Observer {
  const carried: Carried = {
    opened: 0,
    bytesFromClients: 0,
    bytesFromTargets: 0,
    messagesFromClients: 0,
    messagesFromTargets: 0,
  };
  const statuses = new Map<string, Map<number, number>>();
  metrics.total(
    'requests_total',
    'HTTP requests, by product and status.',
    (set) => {
      for (const [product, counts] of statuses) {
        for (const [status, count] of counts) set(count, { product, status: String(status) });
      }
    },
    ['product', 'status'],
  );
  const durations = metrics.histogram('request_duration_seconds', 'Duration of HTTP requests.', waitBuckets);
  const handshakes = metrics.histogram(
    'handshake_duration_seconds',
    'Duration of upgrades, hooks and target included.',
    waitBuckets,
  );
  const lives = metrics.histogram('tunnel_duration_seconds', 'Lifetime of tunnels.', tunnelBuckets);
  const failures = metrics.counter('failures_total', 'Refusals and failures, by code of the failure table.', ['code']);
  const closed = metrics.counter('tunnels_closed_total', 'Closed tunnels, by cause.', ['cause']);
  const ejections = metrics.counter('target_ejections_total', 'Ejections of targets after failures in a row.', [
    'target',
  ]);

  const silences = metrics.counter('targets_silent_total', 'Silent targets whose sessions failed over, by cause.', [
    'cause',
  ]);
  const moves = metrics.counter(
    'moves_total',
    'Sessions that migrated (planned) or failed over (crash) to another target, by cause.',
    ['cause'],
  );
  const pauses = metrics.histogram(
    'move_pause_seconds',
    'How long clients waited while their session migrated or failed over.',
    waitBuckets,
  );
  const fallbacks = metrics.counter(
    'move_fallbacks_total',
    'Sessions that could neither migrate nor fail over, so that their clients had to reconnect, by cause.',
    ['cause'],
  );

  const logFailure = createFailureLog(log);

  function count(product: string, status: number): void {
    let counts = statuses.get(product);
    if (counts === undefined) {
      counts = new Map();
      statuses.set(product, counts);
    }
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }

  return {
    carried,
    request(request, response, served, failure) {
      const status = failure?.code === 'client_gone' || !response.headersSent ? 499 : response.statusCode;
      // Products that the router names; others a client may invent.
      count(served.member?.product.name ?? '', status);
      durations.observe((performance.now() - served.startedAt) / 1_000);
      if (failure !== undefined) {
        failures.inc({ code: failure.code });
        logFailure(failure, { id: served.id, method: request.method, path: request.path });
      }
      if (!lines) return;
      log.info(lineOf(request, served, failure, status, request.method), 'request');
    },
    upgradeFailed(request, served, failure) {
      failures.inc({ code: failure.code });
      logFailure(failure, { id: served.id, upgrade: true, path: request.path });
      if (lines) log.info(lineOf(request, served, failure), 'upgrade refused');
    },
    upgradeAnswered(request, served, status) {
      if (lines) log.info(lineOf(request, served, undefined, status), 'upgrade answered');
    },
    tunnelOpened({ startedAt }) {
      carried.opened++;
      handshakes.observe((performance.now() - startedAt) / 1_000);
    },
    tunnelClosed(tunnel) {
      const { info, client, target, cause = 'cut', closeCode } = tunnel;
      const seconds = (Date.now() - tunnel.openedAt) / 1_000;
      carried.bytesFromClients += client.bytes;
      carried.bytesFromTargets += target.bytes + tunnel.before.bytes;
      carried.messagesFromClients += client.messages;
      carried.messagesFromTargets += target.messages + tunnel.before.messages;
      closed.inc({ cause });
      // One that said goodbye counts what it could not hand over itself.
      if (info.cannotMove !== undefined && cause.startsWith('target') && closeCode === undefined) {
        fallbacks.inc({ cause: info.cannotMove });
      }
      lives.observe(seconds);
      if (!lines) return;
      log.info(
        {
          id: info.id,
          from: info.address,
          uid: info.uid || undefined,
          product: info.product,
          target: info.member.target.name,
          seconds: round(seconds),
          bytesIn: client.bytes,
          bytesOut: target.bytes + tunnel.before.bytes,
          messagesIn: client.messages,
          messagesOut: target.messages + tunnel.before.messages,
          moves: tunnel.migrations,
          cause,
          closeCode,
        },
        'tunnel',
      );
    },
    moved({ info }, from, cause, pauseMs) {
      moves.inc({ cause });
      pauses.observe(pauseMs / 1_000);
      if (!lines) return;
      const { id, uid, product, member } = info;
      log.info(
        {
          id,
          uid: uid || undefined,
          product,
          from: from.target.name,
          to: member.target.name,
          cause,
          pauseMs: round(pauseMs),
        },
        cause === 'crash' ? 'session failed over' : 'session migrated',
      );
    },
    fellBack({ info }, from, cause) {
      fallbacks.inc({ cause });
      const { id, uid, product } = info;
      log.warn(
        { id, uid: uid || undefined, product, from: from.target.name, cause },
        'a session could not migrate or fail over; its client has to reconnect',
      );
    },
    sessionLost: () => fallbacks.inc({ cause: 'polling' }),
    fault(error) {
      failures.inc({ code: 'internal' });
      log.error({ err: error }, 'a callback threw; its connection was closed');
    },
    connectionFailed: (code) => failures.inc({ code }),
    targetSilent({ name }, cause, tunnels, forMs) {
      silences.inc({ cause });
      log.warn(
        { target: name, cause, tunnels, forMs: Math.round(forMs) },
        'a target is silent: its sessions fail over to other targets',
      );
    },
    ejected(member, event, forMs) {
      const { product, target, lastFailure } = member;
      if (event === 'back') {
        log.info({ product: product.name, target: target.name }, 'a target is back');
        return;
      }
      ejections.inc({ target: target.name });
      log.warn(
        { product: product.name, target: target.name, code: lastFailure, forMs },
        'a target fails: it is ejected and gets no clients for a while',
      );
    },
  };
}

/**
 * The fields of the line of a request or an upgrade; those that are `undefined` are left out. Never the query: it may hold tokens. One object
 * with all fields, as putting together several is what makes a line dear.
 */
function lineOf(
  { path }: AgentRequest,
  { id, startedAt, address, uid, product, member }: Served,
  failure: Failure | undefined,
  status?: number,
  method?: string,
): object {
  return {
    id,
    path,
    ms: round(performance.now() - startedAt),
    from: address,
    uid: uid || undefined,
    product,
    target: member?.target.name,
    method,
    status,
    code: failure?.code,
  };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
