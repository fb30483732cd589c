/** Under which the whole API is. */
export const apiPath = '/api/v1';

/** Whether a request is for the API. */
export function isForApi(url = ''): boolean {
  return url === apiPath || url.startsWith(`${apiPath}/`) || url.startsWith(`${apiPath}?`);
}

/** Path, still percent-encoded, and query of a request below {@link apiPath}. */
export function splitUrl(url = ''): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?');
  const path = at === -1 ? url : url.slice(0, at);
  return { path: path.slice(apiPath.length), query: new URLSearchParams(at === -1 ? '' : url.slice(at + 1)) };
}
