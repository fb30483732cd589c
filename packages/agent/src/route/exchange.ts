import type { Socket } from 'node:net';
import { failed } from '@gopush/contract';
import type { RequestOrigin } from '../headers/request-origin.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { Destination } from './destination.ts';
import type { Member } from './fleet.ts';
import type { Route } from './route.ts';

/** Why no hook is asked who the client is: the route or product is public, a preflight is passed on, or the request has an API key. */
export type NoHook = 'public' | 'preflight' | 'api-key';

/** A request or an upgrade on its way through the agent: the request, and the results of the steps so far. */
export class Exchange {
  readonly request: AgentRequest;
  readonly client: Socket;
  readonly origin: RequestOrigin;
  /** The hooks as they were when the request arrived: an edit in between must not mix two versions. */
  readonly hooks: HookSet;
  /** In time of `performance.now()`. */
  readonly startedAt = performance.now();
  destination = nowhere;
  noHook: NoHook | undefined = undefined;
  /** Known once the hooks have identified the client. */
  uid: string | undefined = undefined;
  /** Known once the router has been asked. */
  route: Route | undefined = undefined;
  /** The target that was asked last. */
  member: Member | undefined = undefined;

  constructor(request: AgentRequest, client: Socket, origin: RequestOrigin, hooks: HookSet) {
    request.clientAddress = origin.address;
    this.request = request;
    this.client = client;
    this.origin = origin;
    this.hooks = hooks;
  }
}

/** Until the destination is known. Nothing is served there. */
const nowhere: Destination = { entry: undefined, product: failed('product_unknown') };
