import { decodePercent, failed, type Result, success } from '@gopush/contract';
import { controlRoutes } from './control-routes.ts';
import { publishRoutes } from './publish-routes.ts';
import { readRoutes } from './read-routes.ts';
import type { Route } from './route.ts';

/** All routes, in the order of the document. */
export const routes: readonly Route[] = [...publishRoutes, ...readRoutes, ...controlRoutes];

/** A route that was found, with the parameters in the path. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Finds the route of a path and a method.
 *
 * @param path - below `/api/v1`, still percent-encoded, so that names may hold slashes
 * @returns `not_found`; for another method of a path that is known the list of those it has; `request_malformed` for broken escapes
 */
export function findRoute(method: string, path: string): Result<Found | { readonly allowed: readonly string[] }> {
  const parts = path.split('/').map(decodePercent);
  const fitting = routes.filter(({ path: template }) => fits(template.split('/'), parts));
  if (fitting.length === 0) return failed('not_found');
  if (parts.includes(undefined)) return failed('request_malformed', 'invalid percent-encoding');
  const route = fitting.find((one) => one.method === method);
  if (route === undefined) return success({ allowed: fitting.map((one) => one.method) });
  const params: Record<string, string> = {};
  for (const [index, part] of route.path.split('/').entries()) {
    if (part.startsWith('{')) params[part.slice(1, -1)] = parts[index] ?? '';
  }
  return success({ route, params });
}

function fits(template: readonly string[], parts: readonly (string | undefined)[]): boolean {
  return template.length === parts.length && template.every((part, at) => part.startsWith('{') || part === parts[at]);
}
