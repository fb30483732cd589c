/** What only a request has; an Express app has none of these. */
const requestOnly: ReadonlySet<PropertyKey> = new Set([
  'headers',
  'rawHeaders',
  'url',
  'method',
  'httpVersion',
  'socket',
  'connection',
  'query',
  'cookies',
]);

/**
 * Whether a hook of one argument is a function of the request rather than of the Express app.
 *
 * gopush 0.1 hooks take the app and newer ones the request, and both are plain functions of one argument. So the hook is
 * called with the app once, as an app hook must be anyway, and watched: it is a function of the request when it asks for
 * something only a request has (the call ends there, before it could do anything), or leaves the app alone and returns
 * something, or takes no argument at all.
 */
export function takesRequest(hook: (argument: object) => unknown, app: object): boolean {
  if (hook.length === 0) return true;
  let askedForRequest = false;
  let usedApp = false;
  const watched = new Proxy(app, {
    get(target, key) {
      if (requestOnly.has(key)) {
        askedForRequest = true;
        throw new Error(`an app has no ${String(key)}`);
      }
      usedApp = true;
      return Reflect.get(target, key);
    },
  });
  let returned: unknown;
  try {
    returned = hook(watched);
  } catch (error) {
    if (!askedForRequest) throw error;
  }
  // An async hook that was stopped by the watch rejects later; that is not a failure of anybody.
  if (returned instanceof Promise) returned.catch(() => {});
  return askedForRequest || (!usedApp && returned !== undefined);
}
