import type { ServerResponse } from 'node:http';
import type { Failure, FailureCode } from '@gopush/contract';
import { type Logger, type Metrics, waitBuckets } from '@gopush/service';
import type { Exchange } from '../route/exchange.ts';
import { createFailureLog } from './failure-log.ts';
import { round } from './round.ts';

/** Totals of requests since the start. */
interface RequestCounts {
  requests: number;
  /** Refusals and failures, of upgrades and connections as well, by code. */
  readonly failures: ReadonlyMap<FailureCode, number>;
}

/** Writes the lines and counts of requests and upgrades. */
export interface RequestObserver {
  readonly requestCounts: Readonly<RequestCounts>;
  /** An HTTP request was served or refused. */
  request(exchange: Exchange, response: ServerResponse, failure: Failure | undefined): void;
  /** An upgrade was refused or failed. */
  upgradeFailed(exchange: Exchange, failure: Failure): void;
  /** The target of an upgrade responded without upgrading. */
  upgradeRelayed(exchange: Exchange, status: number): void;
  /** A callback threw, a fault of the program; its connection is closed. */
  fault(error: unknown): void;
  /** A connection was refused, or its bytes were no request. */
  connectionFailed(code: FailureCode): void;
}

/** @param lines - whether each request and each upgrade that fails gets a line */
export function observeRequests(metrics: Metrics, log: Logger, lines: boolean): RequestObserver {
  const countRequest = createRequestCounts(metrics);
  const durations = metrics.histogram('request_duration_seconds', 'Duration of HTTP requests.', waitBuckets);
  const failures = metrics.counter('failures_total', 'Refusals and failures, by code of the failure table.', ['code']);
  const logFailure = createFailureLog(log);
  const byCode = new Map<FailureCode, number>();
  const requestCounts: RequestCounts = { requests: 0, failures: byCode };
  const countFailure = (code: FailureCode): void => {
    failures.inc({ code });
    byCode.set(code, (byCode.get(code) ?? 0) + 1);
  };
  return {
    requestCounts,
    request(exchange, response, failure) {
      const { request, origin, member, startedAt } = exchange;
      const status = failure?.code === 'client_gone' || !response.headersSent ? 499 : response.statusCode;
      // Products that the router names: clients may invent others.
      countRequest(member?.product.name ?? '', status);
      requestCounts.requests++;
      durations.observe((performance.now() - startedAt) / 1_000);
      if (failure !== undefined) {
        countFailure(failure.code);
        logFailure(failure, { id: origin.id, method: request.method, path: request.path });
      }
      if (!lines) return;
      log.info(lineOf(exchange, failure, status, request.method), 'request');
    },
    upgradeFailed(exchange, failure) {
      countFailure(failure.code);
      logFailure(failure, { id: exchange.origin.id, upgrade: true, path: exchange.request.path });
      if (lines) log.info(lineOf(exchange, failure), 'upgrade refused');
    },
    upgradeRelayed(exchange, status) {
      if (lines) log.info(lineOf(exchange, undefined, status), 'upgrade answered');
    },
    fault(error) {
      countFailure('internal');
      log.error({ err: error }, 'a callback threw; its connection was closed');
    },
    connectionFailed: countFailure,
  };
}

/** Counts HTTP requests by product and status, without an object of labels for each request. */
function createRequestCounts(metrics: Metrics): (product: string, status: number) => void {
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
  return (product, status) => {
    let counts = statuses.get(product);
    if (counts === undefined) {
      counts = new Map();
      statuses.set(product, counts);
    }
    counts.set(status, (counts.get(status) ?? 0) + 1);
  };
}

/**
 * The fields of the line of a request or an upgrade; those that are `undefined` are left out. Never the query, which may hold tokens. One object
 * literal with all fields: merging several objects is what makes a line slow.
 */
function lineOf(
  { request, origin, startedAt, uid, route, member }: Exchange,
  failure: Failure | undefined,
  status?: number,
  method?: string,
): object {
  return {
    id: origin.id,
    path: request.path,
    ms: round(performance.now() - startedAt),
    from: origin.address,
    uid: uid || undefined,
    product: route?.identity.product,
    target: member?.target.name,
    method,
    status,
    code: failure?.code,
  };
}
