import { type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { AgentRequest } from '../request/agent-request.ts';

/** Which app a request or a response is lent to. */
const lentTo = Symbol('app');

/** Whether an app has passed a response on. */
const isBack = Symbol('back');

interface Lent {
  [lentTo]?: Express;
}

/**
 * Requests that have Express's methods from the beginning, as `AppResponse` has.
 *
 * Express gives each request and each response another prototype. To V8 such an object is like no other from then on, and all that touches it,
 * in Node and here, is slow: an app hook made a request four times as dear. Setting the prototype that an object has already changes nothing.
 */
export class AppRequest extends AgentRequest implements Lent {
  declare [lentTo]?: Express;

  get app(): Express | undefined {
    return this[lentTo];
  }

  // Where no app has it, as in the hook of an upgrade, a query is what it is for all hooks.
  override get query(): AgentRequest['query'] {
    return this[lentTo] === undefined ? super.query : expressQuery.call(this);
  }
}

/**
 * See {@link AppRequest}.
 *
 * An app that goes on with a response after it has passed it on comes too late for headers once the target's are sent. Node throws then, mostly
 * in a callback of the app's, where that would end the process.
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

/** No method: Express may have given the prototype to a response that is none of ours. */
function isTooLate(response: AppResponse): boolean {
  return response.headersSent && response[isBack] === true;
}

const expressQuery = Object.getOwnPropertyDescriptor(express.request, 'query')?.get as () => AgentRequest['query'];

giveMethods(express.request, AppRequest.prototype);
giveMethods(express.response, AppResponse.prototype);

/** Those that it has not got already: path and cookies mean the same. */
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

/** What says where a body ends, and what it is made of. It is the target's answer that is sent, and that has its own. */
const framing = ['content-encoding', 'content-length', 'content-range', 'transfer-encoding', 'trailer'] as const;

/** Whether an app had a response, and has passed it on. */
export function wasPassedOn(response: ServerResponse & { [isBack]?: boolean }): boolean {
  return response[isBack] === true;
}

/** Takes a response back from an app that has passed it on. */
export function giveBack(response: ServerResponse & { [isBack]?: boolean }): void {
  response[isBack] = true;
  if (response.headersSent) return;
  // Not those that are not there: Node takes it for a wish to send no such header at all, and closes the connection at the end instead.
  for (const name of framing) if (response.hasHeader(name)) response.removeHeader(name);
}
