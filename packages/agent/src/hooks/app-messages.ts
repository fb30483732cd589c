import { ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { AgentRequest } from '../agent-request.ts';

/** Which app a request or a response is lent to. */
const lentTo = Symbol('app');

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

/** See {@link AppRequest}. */
export class AppResponse extends ServerResponse implements Lent {
  declare [lentTo]?: Express;

  get app(): Express | undefined {
    return this[lentTo];
  }
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
