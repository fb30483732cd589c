import type { IncomingMessage } from 'node:http';
import { type Failure, type Result, success } from '@gopush/contract';
import type { KeyHolder, KeyRing } from './request/keys.ts';
import { type Found, findRoute } from './routes/find-route.ts';

/** A request that is refused before its body is read. */
export interface Refused {
  readonly failure: Failure;
  readonly headers: Record<string, string>;
}

/** A request that the holder of a key may make. */
export interface Identified {
  readonly holder: KeyHolder;
  readonly found: Found;
}

/**
 * Identifies a request by its headers: its key, whether that may make one more request, the route, and whether the key has its scope.
 *
 * @param path - below the path of the API
 * @returns `document`: a request for the document of the API
 */
export function identify(
  request: IncomingMessage,
  path: string,
  keys: KeyRing,
): Refused | Identified | { readonly document: true } {
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
