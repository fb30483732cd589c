import type { IncomingMessage } from 'node:http';
import type { Express } from 'express';
import type { anonymous } from './identity/anonymous.ts';
import type { ProductInput } from './routing/product.ts';
import type { RouteInput } from './routing/route.ts';
import type { TargetsInput } from './routing/target.ts';

/** The client's request as hooks see it: Node's own, with cookies and query at hand. */
export interface HookRequest extends IncomingMessage {
  /** Path without the query. */
  readonly path: string;
  /** Query parameters; of a repeated one the first. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Cookies; of a repeated one the first. */
  readonly cookies: Readonly<Record<string, string | undefined>>;
}

/** What says who a client is: text or a whole number; `anonymous`: nobody, and it may come in; anything empty: not known, and it is refused. */
export type UidInput = string | number | typeof anonymous | false | null | undefined;

/** Says who a client is, from its request. */
export type UidHook = (request: HookRequest) => UidInput | Promise<UidInput>;

/** The agent hook of gopush 0.1: mounts what it likes on an Express app, and sets `res.locals.uid`. */
export type AgentAppHook = (app: Express) => void;

// Registered, so that the mark is the same when a project has two copies of this package.
const kind: unique symbol = Symbol.for('gopush.agent-hook');

/**
 * An agent hook on an Express app, as {@link defineAgentApp} makes it. Without a call of its own in its type, so that a plain function
 * beside it has the type of its request inferred.
 */
export interface AgentApp {
  readonly [kind]: 'app';
}

/** Says where a product's requests go, for one client. The uid of one that is anonymous, or whose product is public, is `''`. */
export type RouteHook = (request: HookRequest, uid: string) => TargetsInput | null | Promise<TargetsInput | null>;

/**
 * Products by name: targets, a function that gives them for one client, or either with settings. `default` serves clients that name no product.
 *
 * `routes` says which requests go to which product by path and host; the others go to the product that they name by `?product=`.
 */
export interface Router {
  readonly [product: string]: TargetsInput | RouteHook | ProductInput<RouteHook> | readonly RouteInput[] | undefined;
  readonly routes?: readonly RouteInput[];
}

/** The hooks of an agent. */
export interface Hooks {
  /** Who a client is on HTTP; on upgrades as well where `onupgrade` is absent and this is a plain function. */
  readonly agent?: UidHook | AgentApp;
  /** Who a client is on upgrades. */
  readonly onupgrade?: UidHook;
  /** Where products go. Absent: everything goes to the built-in push-servers. */
  readonly router?: Router;
}

/** The name of a hook, and the first part of its file's name. */
export type HookName = keyof Hooks;

/** Whether a hook was marked by {@link defineAgent} or {@link defineAgentApp}; `undefined` where it was not. */
export function agentHookKind(hook: object): 'function' | 'app' | undefined {
  return (hook as { [kind]?: 'function' | 'app' })[kind];
}

/**
 * An agent hook that is a plain function of the request returning the uid. Express is then not on the path at all, and the
 * same function serves upgrades where there is no `onupgrade` hook.
 *
 * @example
 * export default defineAgent((request) => request.cookies.uid);
 *
 * @see anonymous, for clients that may come in without a uid
 */
export function defineAgent(hook: UidHook): UidHook {
  return Object.assign(hook, { [kind]: 'function' as const });
}

/**
 * An agent hook on an Express app, with cookie-parser mounted before it. Sets `res.locals.uid` and calls `next()`; a request
 * that a handler answers itself is not forwarded.
 *
 * @example
 * export default defineAgentApp((app) => {
 *   app.use((req, res, next) => { res.locals.uid = req.cookies.uid; next(); });
 * });
 */
export function defineAgentApp(hook: AgentAppHook): AgentApp {
  return Object.assign(hook, { [kind]: 'app' as const });
}

/**
 * An upgrade hook: a function of the request returning the uid.
 *
 * @example
 * export default defineOnUpgrade(async (request) => (await sessions.get(request.cookies.session))?.userId);
 */
export function defineOnUpgrade(hook: UidHook): UidHook {
  return hook;
}

/**
 * A router: targets by product.
 *
 * @example
 * export default defineRouter({
 *   default: 'push-server',
 *   chat: [{ ip: '10.0.0.5', ports: [4000, 4001] }],
 *   game: async (request, uid) => ({ ip: await shardOf(uid), port: 5000 }),
 *   api: { targets: { dns: 'api.internal', port: 8080 }, choose: 'least-connections', check: '/readyz' },
 *   routes: [{ path: '/chat', product: 'chat' }, { host: 'api.example.com', product: 'api' }],
 * });
 */
export function defineRouter<const R extends Router>(router: R): R {
  return router;
}
