import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Config, type Failure, failed, failures, productParameter, type Result, success } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { refuse, respond } from '../http/respond.ts';
import type { Push } from '../rooms/publish/push.ts';
import { createApiDocument } from './document.ts';
import { check } from './request/check.ts';
import { id as idField } from './request/fields.ts';
import type { KeyHolder, KeyRing } from './request/keys.ts';
import { readBody } from './request/read-body.ts';
import { productOf, readQuery } from './request/read-query.ts';
import { splitUrl } from './request/split-url.ts';
import { type Found, findRoute } from './routes/find-route.ts';
import type { ApiContext, Asked, Route } from './routes/route.ts';

/** What the API needs. */
export interface ApiOptions extends ApiContext {
  readonly config: Config['api'];
  readonly keys: KeyRing;
  readonly log: Logger;
  /** Takes requests to listen, which are let in by rules of their own. Resolves when they have begun, or are refused. */
  readonly listen: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly onRequest: OnApiRequest;
}

/**
 * Told of each request that has its answer: what was asked for, as `GET /rooms` (`none` where it was refused before that was known), with
 * which status, and how long it took in seconds.
 */
export type OnApiRequest = (route: string, status: number, seconds: number) => void;

/** What a request to listen is told of as. */
export const listenRoute = 'GET /listen';

/** A request whose route is not known yet. */
interface Measured {
  route: string;
}

/** Answers requests of back ends: key → how many → route → scope → what it holds → done. */
export function createApiHandler(options: ApiOptions): RequestListener {
  const { config, log, listen, push, keep, onRequest } = options;
  const context: ApiContext = { push, keep };
  const document = createApiDocument();

  async function handle(request: IncomingMessage, response: ServerResponse, measured: Measured): Promise<void> {
    const { path, query } = splitUrl(request.url);
    if (path === '/listen') {
      measured.route = listenRoute;
      return listen(request, response);
    }
    const begun = begin(request, path, options.keys);
    if ('found' in begun) {
      const { route } = begun.found;
      measured.route = `${route.method} ${route.path}`;
      return carryOut(begun, query, request, response);
    }
    if (!('failure' in begun)) {
      measured.route = 'GET /openapi.json';
      return respond(response, 200, document);
    }
    // The rest of a body that is not read would be taken for the next request.
    const hasBody = request.headers['content-length'] !== undefined || 'transfer-encoding' in request.headers;
    refuse(response, begun.failure, hasBody ? { ...begun.headers, connection: 'close' } : begun.headers);
  }

  async function carryOut(
    { holder, found: { route, params } }: Begun,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await readBody(request, config.maxBodyBytes);
    if (!body.ok) return refuse(response, body.failure, request.complete ? {} : { connection: 'close' });
    holder.charge((route.cost?.(body.value) ?? 1) - 1);
    const of = pushFor(holder, route, query, push);
    if (!of.ok) return refuse(response, of.failure);
    const asked = checkAll(route, params, query, body.value, request.headers['idempotency-key']);
    if (!asked.ok) return refuse(response, asked.failure);
    if (route.scope === 'admin') logUse(holder, route, params, log);
    const result = await route.run({ ...context, push: of.value }, asked.value as Asked<never, never, never>);
    if (!result.ok) logCause(holder, result.failure, log);
    if (result.ok) respond(response, 200, result.value);
    else refuse(response, result.failure);
  }

  return (request, response) => {
    const startedAt = performance.now();
    const measured: Measured = { route: 'none' };
    handle(request, response, measured)
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

/** What speaks to the clients of the product that a request names. Without a name `notify` reaches those of all products. */
function pushFor(holder: KeyHolder, { across }: Route, query: URLSearchParams, push: Push): Result<Push> {
  const product = productOf(query);
  if (!product.ok) return product;
  if (!holder.mayUse(product.value)) return failed('api_scope_missing', 'the key is for other products');
  if (across === true && holder.isLimited) return failed('api_scope_missing', 'this request concerns all products');
  return success(query.has(productParameter) || holder.isLimited ? push.of(product.value) : push);
}

/** What changes clients is told to whoever runs this. */
function logUse({ name }: KeyHolder, { method, path }: Route, params: object, log: Logger): void {
  log.info({ by: name, method, route: path, params }, 'API request');
}

function logCause({ name }: KeyHolder, { code, detail, cause }: Failure, log: Logger): void {
  if (cause !== undefined) log.warn({ by: name, code, detail, err: cause }, 'a request to the API failed');
}

/** A request that is refused before its body is read. */
interface Refused {
  readonly failure: Failure;
  readonly headers: Record<string, string>;
}

/** Who asks for what. */
interface Begun {
  readonly holder: KeyHolder;
  readonly found: Found;
}

/** Who asks for what, as far as the headers tell; `document`: for the document of the API. */
function begin(request: IncomingMessage, path: string, keys: KeyRing): Refused | Begun | { readonly document: true } {
  const holder = keys.find(request.headers);
  if (!holder.ok) return { failure: holder.failure, headers: {} };
  const wait = holder.value.take();
  if (wait > 0) return { failure: { code: 'too_many_requests' }, headers: { 'retry-after': String(wait) } };
  const { method = '' } = request;
  const found = path === '/openapi.json' ? findDocument(method) : findRoute(method, path);
  if (!found.ok) return { failure: found.failure, headers: {} };
  if (found.value === 'document') return { document: true };
  if ('allowed' in found.value) {
    return { failure: { code: 'method_unsupported' }, headers: { allow: found.value.allowed.join(', ') } };
  }
  if (!holder.value.scopes.has(found.value.route.scope)) return { failure: { code: 'api_scope_missing' }, headers: {} };
  return { holder: holder.value, found: found.value };
}

function findDocument(method: string): Result<'document' | { readonly allowed: readonly string[] }> {
  return success(method === 'GET' ? 'document' : { allowed: ['GET'] });
}

/** Checks all that a request holds. */
function checkAll(
  route: Route,
  params: unknown,
  query: URLSearchParams,
  body: unknown,
  key: string | string[] | undefined,
): Result<Asked<unknown, unknown, unknown>> {
  const named = check(route.params, params, 'path');
  if (!named.ok) return named;
  const values = readQuery(query, route.query);
  const asked = values.ok ? check(route.query, values.value, 'query') : values;
  if (!asked.ok) return asked;
  if (route.body === undefined && body !== undefined) return failed('payload_invalid', 'body: wanted none');
  const said = route.body === undefined ? success(undefined) : check(route.body, body);
  if (!said.ok) return said;
  const id = key === undefined || route.id === undefined ? success(undefined) : check(idField, key, 'Idempotency-Key');
  if (!id.ok) return id;
  if (id.value !== undefined && route.id === 'refused') {
    return failed('payload_invalid', 'Idempotency-Key: repeats of a message that is not stored cannot be recognized');
  }
  return success({ params: named.value, query: asked.value, body: said.value, id: id.value });
}
