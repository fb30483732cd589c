import type { IncomingMessage } from 'node:http';
import type { Express } from 'express';
import type { anonymous } from './identity/anonymous.ts';
import type { ProductInput } from './routing/product.ts';
import type { RouteInput } from './routing/route.ts';
import type { TargetsInput } from './routing/target.ts';

/** The client's request as hooks get it: Node's `IncomingMessage`, with the client's address, path, query and cookies added. */
export interface HookRequest extends IncomingMessage {
  /**
   * Address of the client, such as `192.0.2.7` or `2001:db8::7`: the address that a proxy of `access.trustedProxies` reports, otherwise that of the
   * connection. Clients cannot forge it.
   */
  readonly clientAddress: string;
  /** Path without the query. */
  readonly path: string;
  /** Query parameters. For a repeated parameter, the first counts. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Cookies. For a repeated cookie, the first counts. */
  readonly cookies: Readonly<Record<string, string | undefined>>;
}

/** Who a client is: a string or a whole number. `anonymous`: admitted without a uid. `undefined`, `null`, `false` and `''`: unknown, and refused. */
export type UidInput = string | number | typeof anonymous | false | null | undefined;

/** Returns the uid of the client that sent a request. */
export type UidHook = (request: HookRequest) => UidInput | Promise<UidInput>;

/** The agent hook of gopush 0.1: mounts middlewares on an Express app, and sets `res.locals.uid`. */
export type AgentAppHook = (app: Express) => void;

// In the global symbol registry, so that it is the same in two copies of this package.
const kind: unique symbol = Symbol.for('gopush.agent-hook');

/**
 * An agent hook on an Express app, made by {@link defineAgentApp}. Its type has no call signature, so that TypeScript can infer the type of
 * the request of a plain function in the same union.
 */
export interface AgentApp {
  readonly [kind]: 'app';
}

/** Returns the targets of a product for one client. The uid is `''` if the client is anonymous or the product is public. */
export type RouteHook = (request: HookRequest, uid: string) => TargetsInput | null | Promise<TargetsInput | null>;

/**
 * Products by name: targets, a function that returns them for one client, or either with settings. `default` serves clients without `?product=`.
 *
 * `routes` selects products by path and host. All other requests go to the product in `?product=`.
 */
export interface Router {
  readonly [product: string]: TargetsInput | RouteHook | ProductInput<RouteHook> | readonly RouteInput[] | undefined;
  readonly routes?: readonly RouteInput[];
}

/** The hooks of an agent. */
export interface Hooks {
  /** Who a client is on HTTP. Also on upgrades, if `onupgrade` is absent and this is a plain function. */
  readonly agent?: UidHook | AgentApp;
  /** Who a client is on upgrades. */
  readonly onupgrade?: UidHook;
  /** Where products are served. Absent: all by the built-in push-servers. */
  readonly router?: Router;
}

/** The name of a hook, and the first part of its file's name. */
export type HookName = keyof Hooks;

/** The form that {@link defineAgent} or {@link defineAgentApp} declared; `undefined` for a hook without them. */
export function agentHookKind(hook: object): 'function' | 'app' | undefined {
  return (hook as { [kind]?: 'function' | 'app' })[kind];
}

/**
 * Defines an agent hook as a plain function of the request that returns the uid. Express is not loaded, and the same
 * function serves upgrades if there is no `onupgrade` hook.
 *
 * @example
 * export default defineAgent((request) => request.cookies.uid);
 *
 * @see anonymous, for clients that are admitted without a uid
 */
export function defineAgent(hook: UidHook): UidHook {
  return Object.assign(hook, { [kind]: 'function' as const });
}

/**
 * Defines an agent hook on an Express app, with cookie-parser already mounted. It sets `res.locals.uid` and calls `next()`. A
 * request that a handler responds to is not forwarded.
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
 * Defines an upgrade hook: a function of the request that returns the uid.
 *
 * @example
 * export default defineOnUpgrade(async (request) => (await sessions.get(request.cookies.session))?.userId);
 */
export function defineOnUpgrade(hook: UidHook): UidHook {
  return hook;
}

/**
 * Defines a router: targets by product.
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
