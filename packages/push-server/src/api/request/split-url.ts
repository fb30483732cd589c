import { apiPath } from '@gopush/contract';

/** Path, still percent-encoded, and query of a request below {@link apiPath}. */
export function splitUrl(url = ''): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?');
  const path = at === -1 ? url : url.slice(0, at);
  return { path: path.slice(apiPath.length), query: new URLSearchParams(at === -1 ? '' : url.slice(at + 1)) };
}
