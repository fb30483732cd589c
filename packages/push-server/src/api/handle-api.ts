import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Config, type Failure, failed, failures, productParameter, type Result, success } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { refuse, respond } from '../http/respond.ts';
import type { Push } from '../rooms/publish/push.ts';
import { checkRequest } from './check-request.ts';
import { createApiDocument } from './document.ts';
import { type Identified, identify } from './identify.ts';
import type { KeyHolder, KeyRing } from './request/keys.ts';
import { readBody } from './request/read-body.ts';
import { productOf } from './request/read-query.ts';
import { splitUrl } from './request/split-url.ts';
import type { ApiContext, Asked, Route } from './routes/route.ts';

/** Options of the API. */
export interface ApiOptions extends ApiContext {
  readonly config: Config['api'];
  readonly keys: KeyRing;
  readonly log: Logger;
  /** Serves requests to listen, which are admitted by rules of their own. Resolves when their stream has begun, or they are refused. */
  readonly listen: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly onRequest: OnApiRequest;
}

/**
 * Called for each request that has its response.
 *
 * @param route - as `GET /rooms`; `none` if the request was refused before its route was known
 * @param status - of the response
 * @param seconds - how long it took
 */
export type OnApiRequest = (route: string, status: number, seconds: number) => void;

/** The route of requests to listen, in metrics. */
export const listenRoute = 'GET /listen';

/** The API with its own document. */
interface ServedApi extends ApiOptions {
  readonly document: object;
}

/** A request whose route is not known yet. */
interface Measured {
  route: string;
}

/** Makes the handler of API requests: each is identified, read, checked, and served. */
export function createApiHandler(options: ApiOptions): RequestListener {
  const { log, onRequest } = options;
  const api: ServedApi = { ...options, document: createApiDocument() };
  return (request, response) => {
    const startedAt = performance.now();
    const measured: Measured = { route: 'none' };
    handle(request, response, measured, api)
      .catch((cause: unknown) => {
        log.error({ err: cause }, 'the API failed');
        if (response.headersSent) response.destroy();
        else refuse(response, { code: 'internal' });
      })
      .then(() => {
        const status = response.headersSent ? response.statusCode : failures.client_gone.http;
        onRequest(measured.route, status, (performance.now() - startedAt) / 1_000);
      })
      .catch((cause: unknown) => log.error({ err: cause }, 'a request to the API could not be ended'));
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  measured: Measured,
  api: ServedApi,
): Promise<void> {
  const { path, query } = splitUrl(request.url);
  if (path === '/listen') {
    measured.route = listenRoute;
    return api.listen(request, response);
  }
  const identified = identify(request, path, api.keys);
  if ('found' in identified) {
    const { route } = identified.found;
    measured.route = `${route.method} ${route.path}`;
    const result = await serve(identified, query, request, api);
    if (result.ok) return respond(response, 200, result.value);
    // The rest of a body that was refused would be taken for the next request.
    return refuse(response, result.failure, request.complete ? {} : { connection: 'close' });
  }
  if (!('failure' in identified)) {
    measured.route = 'GET /openapi.json';
    return respond(response, 200, api.document);
  }
  // A body that is not read would be taken for the next request.
  const hasBody = request.headers['content-length'] !== undefined || 'transfer-encoding' in request.headers;
  refuse(response, identified.failure, hasBody ? { ...identified.headers, connection: 'close' } : identified.headers);
}

/** Reads the body of a request, checks the request, and runs its route. */
async function serve(
  { holder, found: { route, params } }: Identified,
  query: URLSearchParams,
  request: IncomingMessage,
  { config, push, keep, log }: ServedApi,
): Promise<Result<object>> {
  const body = await readBody(request, config.maxBodyBytes);
  if (!body.ok) return body;
  holder.charge((route.cost?.(body.value) ?? 1) - 1);
  const ofProduct = pushFor(holder, route, query, push);
  if (!ofProduct.ok) return ofProduct;
  const key = request.headers['idempotency-key'];
  const checked = checkRequest(route, { params, query, body: body.value, key });
  if (!checked.ok) return checked;
  if (route.scope === 'admin') logUse(holder, route, params, log);
  const result = await route.run({ push: ofProduct.value, keep }, checked.value as Asked<never, never, never>);
  if (!result.ok) logCause(holder, result.failure, log);
  return result;
}

/** The `push` of the product that a request names. Without a name, `notify` reaches those of all products. */
function pushFor(holder: KeyHolder, { across }: Route, query: URLSearchParams, push: Push): Result<Push> {
  const product = productOf(query);
  if (!product.ok) return product;
  if (!holder.mayUse(product.value)) return failed('api_scope_missing', 'the key is for other products');
  if (across === true && holder.isLimited) return failed('api_scope_missing', 'this request concerns all products');
  return success(query.has(productParameter) || holder.isLimited ? push.of(product.value) : push);
}

/** Logs a request that changes rooms, connections or inboxes of clients. */
function logUse({ name }: KeyHolder, { method, path }: Route, params: object, log: Logger): void {
  log.info({ by: name, method, route: path, params }, 'API request');
}

function logCause({ name }: KeyHolder, { code, detail, cause }: Failure, log: Logger): void {
  if (cause !== undefined) log.warn({ by: name, code, detail, err: cause }, 'a request to the API failed');
}
