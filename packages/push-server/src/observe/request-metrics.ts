import { type Metrics, waitBuckets } from '@gopush/service';
import type { OnApiRequest } from '../api/handle-api.ts';
import type { OnStoreCall } from './measure-store.ts';

/** Describes how long calls of the store take. */
export function describeStoreCalls(metrics: Metrics): OnStoreCall {
  const durations = metrics.histogram(
    'store_call_duration_seconds',
    'Duration of store calls, by operation and result.',
    waitBuckets,
    ['operation', 'result'],
  );
  return (operation, seconds, result) => durations.observe({ operation, result }, seconds);
}

/** Describes how many requests the API serves, and how fast. */
export function describeApiRequests(metrics: Metrics): OnApiRequest {
  const requests = metrics.counter(
    'api_requests_total',
    'Requests to the HTTP API, by route and status; route none: refused before the route was known.',
    ['route', 'status'],
  );
  const durations = metrics.histogram(
    'api_request_duration_seconds',
    'Duration of requests to the HTTP API, by route; for listen: until listening started.',
    waitBuckets,
    ['route'],
  );
  return (route, status, seconds) => {
    requests.inc({ route, status });
    durations.observe({ route }, seconds);
  };
}
