/** Properties that only a request has, and an Express app has not. */
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
 * Hooks of gopush 0.1 take the app, newer ones the request, and both are plain functions of one argument. So the hook is called once with the app, as
 * an app hook must be anyway, and observed: it is a function of the request if it reads a property that only a request has (the call ends there,
 * before it could do anything), or leaves the app alone and returns something, or takes no argument.
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
  // An async hook that was stopped rejects later, which is not a failure.
  if (returned instanceof Promise) returned.catch(() => {});
  return askedForRequest || (!usedApp && returned !== undefined);
}
