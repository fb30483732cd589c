import { type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { requireOnDemand } from '@gopush/service';
import type { Express } from 'express';
import { AgentRequest } from '../request/agent-request.ts';

const require = requireOnDemand(import.meta.url);

/** The app that a request or a response is lent to. */
const lentTo = Symbol('app');

/** Whether an app has passed a response on. */
const isBack = Symbol('back');

interface Lent {
  [lentTo]?: Express;
}

/**
 * Requests that have Express's methods before there is one, as `AppResponse` has.
 *
 * Express gives each request and each response another prototype. V8 optimizes nothing for such an object, so that all
 * code that touches it, in Node and here, is slow: an app hook made a request take four times as long. Setting the
 * prototype that an object has already changes nothing.
 */
export class AppRequest extends AgentRequest implements Lent {
  declare [lentTo]?: Express;

  get app(): Express | undefined {
    return this[lentTo];
  }

  // Without an app, as in the hook of an upgrade, a query is the same as for all hooks.
  override get query(): AgentRequest['query'] {
    return this[lentTo] === undefined ? super.query : expressQuery.call(this);
  }

  /** The agent knows which proxies to trust. An app that sets `trust proxy` decides itself. */
  get ip(): string | undefined {
    return this[lentTo]?.get('trust proxy') ? expressIp.call(this) : this.clientAddress;
  }
}

/**
 * See {@link AppRequest}.
 *
 * An app that sets headers after it has passed a response on may come too late: the target's headers are sent. Node throws then, mostly in a
 * callback of the app, where that would end the process.
 */
export class AppResponse extends ServerResponse implements Lent {
  declare [lentTo]?: Express;
  declare [isBack]?: boolean;

  get app(): Express | undefined {
    return this[lentTo];
  }

  override setHeader(name: string, value: number | string | readonly string[]): this {
    return isTooLate(this) ? this : super.setHeader(name, value);
  }

  override setHeaders(headers: Headers | Map<string, number | string | readonly string[]>): this {
    return isTooLate(this) ? this : super.setHeaders(headers);
  }

  override appendHeader(name: string, value: string | readonly string[]): this {
    return isTooLate(this) ? this : super.appendHeader(name, value);
  }

  override removeHeader(name: string): void {
    if (!isTooLate(this)) super.removeHeader(name);
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    return isTooLate(this) ? this : super.writeHead(status, ...(rest as [string, OutgoingHttpHeaders]));
  }
}

/** A function, not a method: Express may have given the prototype to a response of another class. */
function isTooLate(response: AppResponse): boolean {
  return response.headersSent && response[isBack] === true;
}

type ExpressModule = typeof import('express');

let express: ExpressModule | undefined;
let expressQuery: () => AgentRequest['query'];
let expressIp: () => string | undefined;

/** Loads Express for the first hook that is an app, and gives its methods to the classes of its messages: other hooks do without Express. */
export function loadExpress(): ExpressModule {
  if (express !== undefined) return express;
  express = require('express') as ExpressModule;
  expressQuery = getterOf(express.request, 'query');
  expressIp = getterOf(express.request, 'ip');
  giveMethods(express.request, AppRequest.prototype);
  giveMethods(express.response, AppResponse.prototype);
  return express;
}

function getterOf<T>(from: object, name: string): () => T {
  return Object.getOwnPropertyDescriptor(from, name)?.get as () => T;
}

/** Adds methods that are missing; `path` and `cookies` already exist with the same meaning. */
function giveMethods(from: object, to: object): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    if (!(name in to)) Object.defineProperty(to, name, property);
  }
}

/** Has an app take requests and responses as they come. */
export function takeAsTheyCome(app: Express): void {
  app.request = AppRequest.prototype as unknown as Express['request'];
  app.response = AppResponse.prototype as unknown as Express['response'];
}

/** Lends a request and its response to an app. */
export function lend(request: Lent, response: Lent, app: Express): void {
  request[lentTo] = app;
  response[lentTo] = app;
}

/** The headers that frame a body and describe its content. The target's response has its own. */
const framing = ['content-encoding', 'content-length', 'content-range', 'transfer-encoding', 'trailer'] as const;

/** Whether an app had a response, and has passed it on. */
export function wasPassedOn(response: ServerResponse & { [isBack]?: boolean }): boolean {
  return response[isBack] === true;
}

/** Takes a response back from an app that has passed it on. */
export function giveBack(response: ServerResponse & { [isBack]?: boolean }): void {
  response[isBack] = true;
  if (response.headersSent) return;
  // Only headers that are set: Node never sends a removed header later, and then ends the body by closing the connection.
  for (const name of framing) if (response.hasHeader(name)) response.removeHeader(name);
}
