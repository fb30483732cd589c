import type { IncomingMessage, ServerResponse } from 'node:http';
import { drainingHeader, failed, type Result, success } from '@gopush/contract';
import { linger } from '@gopush/service';
import { responseHeaders } from '../../headers/response-headers.ts';
import { wasPassedOn } from '../../hooks/app-messages.ts';
import { bodyTooSlow } from '../../limits/slow-clients.ts';
import { connectFailure, refusalOfTarget } from '../../target/connect-failure.ts';
import { fullOrDraining } from '../../wire/full-or-draining.ts';
import { HeadReader } from '../../wire/head-reader.ts';
import { framingOf, headerOf, type ResponseHead, staysOpenMs } from '../../wire/response-head.ts';
import { writeHead } from '../../wire/write-head.ts';
import { type ForwardOptions, mayReuse } from './forward-options.ts';
import { RequestSending } from './request-sending.ts';
import { ResponseRelay } from './response-relay.ts';
import type { TargetConnection, TargetExchange } from './target-connections.ts';

/** By an app hook that has called `next()` and then responds all the same. */
const respondedByHook = failed('uid_hook_bad_value', 'the agent hook responded after it had called next()');

/**
 * How an attempt ended without a response. Either the connection was closed, and the target may have acted on the request; or the target has
 * certainly not read the request.
 */
export type NoResponse = 'reset' | 'unread';

/** Options of {@link Forwarding}. */
export interface Forwarded {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: ForwardOptions;
  /** Whether only a new connection will do. */
  readonly fresh: boolean;
}

/** One attempt to have a request served by its target. */
export class Forwarding implements TargetExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ForwardOptions;
  readonly #connection: TargetConnection;
  readonly #resolve: (result: Result<void> | NoResponse) => void;
  /** Whether the connection had served before. */
  readonly #isKept: boolean;
  readonly #sending: RequestSending;
  readonly #heads = new HeadReader();
  #relay: ResponseRelay | undefined;
  /** How long the connection may be kept for another request if the response ends well, in milliseconds. */
  #staysMs = 0;
  #over = false;

  /** @param resolve - called once, with how it ended */
  constructor({ request, response, options, fresh }: Forwarded, resolve: (result: Result<void> | NoResponse) => void) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#resolve = resolve;
    this.#connection = options.connections.begin(options.target, this, options.answerTimeoutMs, fresh);
    this.#isKept = this.#connection.connected;
    this.#sending = new RequestSending(request, this.#connection);
  }

  start(head: string): void {
    const { body } = this.#options;
    this.#response.once('close', this.#onClientGone);
    if (body.exists) this.#request.once(bodyTooSlow, this.#onSlowBody);
    this.#sending.begin(head, this.#isKept, body.exists);
    // Only on an established connection: while connecting can fail, the body must stay whole for the next target.
    if (body.exists && this.#isKept) this.#sending.sendBody(body);
  }

  onConnect(): void {
    const { body } = this.#options;
    if (body.exists) this.#sending.sendBody(body);
  }

  onFault(error: unknown): void {
    this.#connection.discard();
    this.#end(failed('internal', `while waiting for ${this.#options.target.name}`, error));
  }

  onDrain(): void {
    if (!this.#sending.done) this.#request.resume();
  }

  onIdle(): void {
    // A response that has begun may take any time: server-sent events, long polls.
    if (this.#relay !== undefined) return;
    const { name } = this.#options.target;
    // The target waits for the client, not the client for the target.
    const waits = !this.#sending.done && !this.#connection.socket.writableNeedDrain;
    this.#fail(
      waits ? failed('request_timeout', `the request body for ${name} stalled`) : failed('target_silent', name),
    );
  }

  onGone(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return;
    const relay = this.#relay;
    if (relay === undefined) this.#end(this.#goneBeforeResponse(error));
    else if (relay.body.endsWithConnection && error === undefined) {
      relay.end();
      this.#finish(false);
    } else {
      // Cut, so that the client does not take half a response for a whole one.
      if (this.#request.complete) this.#response.destroy();
      else linger(this.#request.socket);
      this.#end(success(undefined));
    }
  }

  #goneBeforeResponse(error: NodeJS.ErrnoException | undefined): Result<never> | NoResponse {
    const { target, body } = this.#options;
    if (!this.#connection.connected) return connectFailure(target, error);
    const refusal = refusalOfTarget(target, error);
    if (refusal !== undefined) return refusal;
    if (!this.#heads.isWithin) return this.#sending.unsent && body.isKept ? 'unread' : 'reset';
    return failed('target_bad_answer', `${target.name} closed the connection within the head of its response`);
  }

  onChunk(chunk: Buffer, length: number): boolean {
    const bytes = chunk.subarray(0, length);
    if (this.#relay !== undefined) return this.#take(this.#relay, bytes);
    const heads = this.#heads;
    for (let head = heads.read(bytes); ; head = heads.read(heads.rest)) {
      if (head === undefined) return true;
      if (typeof head === 'string') return this.#refuse(head);
      if (head.status === 101) return this.#refuse('101 without an upgrade');
      if (head.status < 200) {
        this.#inform(head);
        continue;
      }
      if (this.#isUnread(head)) return this.#fail('unread');
      const relay = this.#begin(head);
      return relay instanceof ResponseRelay ? this.#take(relay, heads.rest) : this.#fail(relay);
    }
  }

  #refuse(problem: string): false {
    return this.#fail(failed('target_bad_answer', `${this.#options.target.name}: ${problem}`));
  }

  /** Forwards informational responses, such as early hints, unchanged; a 100 only to a client that waits for it. */
  #inform(head: ResponseHead): void {
    if (head.status === 100) this.#sending.onContinue();
    if (head.status === 100 || this.#request.httpVersionMinor === 0 || this.#response.headersSent) return;
    this.#response.socket?.write(writeHead(head.status, head.reason, responseHeaders(head, false)), 'latin1');
  }

  /**
   * Whether a target announces that it closes a kept connection on which it has not received a request: a request that was on its way may be
   * repeated, whatever its method (RFC 9110 section 15.5.9).
   */
  #isUnread(head: ResponseHead): boolean {
    return this.#isKept && head.status === 408 && this.#options.body.isKept && staysOpenMs(head) === 0;
  }

  /** Begins the response to the client. @returns the relay, or why there is none */
  #begin(head: ResponseHead): ResponseRelay | Result<never> {
    const { body, target, onDraining, ownHeaders } = this.#options;
    const response = this.#response;
    if (headerOf(head, drainingHeader) !== undefined) onDraining(target);
    const why = body.exists ? undefined : fullOrDraining(head);
    if (why !== undefined) return failed(why, target.name);
    const framing = framingOf(head, this.#request.method ?? 'GET');
    if (typeof framing === 'string') return failed('target_bad_answer', `${target.name}: ${framing}`);
    if (response.headersSent) return respondedByHook;
    body.letGo();
    const relay = new ResponseRelay(head, framing, response, this.#request.httpVersionMinor > 0);
    this.#relay = relay;
    this.#staysMs = this.#isRead(head) ? staysOpenMs(head) : 0;
    // Not `once` each time: middlewares put a stream in between, and lose the listener that is to be removed.
    response.on('drain', this.#onClientDrain);
    if (this.#sending.endsWith(head)) response.shouldKeepAlive = false;
    return relay.writeHead(ownHeaders) ?? relay;
  }

  /** Whether the target can be assumed to have read the whole request: one that responds early, or with an error, may have left the body unread. */
  #isRead({ status }: ResponseHead): boolean {
    if (!mayReuse(this.#request, this.#options)) return false;
    if (!this.#options.body.exists) return true;
    return status < 400 && this.#sending.done && this.#connection.socket.writableLength === 0;
  }

  #take(relay: ResponseRelay, bytes: Buffer): boolean {
    switch (relay.take(bytes)) {
      case 'open':
        return true;
      case 'full':
        this.#options.slow.takes(this.#response);
        return false;
      case 'done':
        this.#finish(!relay.body.isLoose);
        return true;
      case 'beyond':
        this.#finish(false);
        return true;
      case 'fault':
        // Cut, as its status cannot be taken back.
        return this.#refuse(relay.body.fault ?? '');
    }
  }

  /** The response is complete. @param isExact - whether it ended where its connection is, so that another one may follow */
  #finish(isExact: boolean): void {
    const response = this.#response;
    const isKept = wasPassedOn(response) && !response.writableEnded;
    if (isKept || response.writableLength > 0) this.#options.slow.takes(response, isKept);
    // A response may come before its request is whole. The rest is read and discarded: otherwise the client could not finish sending it.
    if (!this.#sending.done) this.#options.body.drop();
    if (isExact && this.#staysMs > 0) this.#connection.release(this.#staysMs);
    else this.#connection.discard();
    this.#end(success(undefined));
  }

  #fail(failure: Result<never> | 'unread'): false {
    this.#connection.discard();
    this.#end(failure);
    return false;
  }

  readonly #onClientDrain = (): void => {
    if (!this.#over) this.#connection.socket.resume();
  };

  readonly #onClientGone = (): void => {
    if (this.#over) return;
    this.#connection.discard();
    this.#end(this.#response.writableFinished ? respondedByHook : failed('client_gone', this.#options.target.name));
  };

  readonly #onSlowBody = (): void => {
    this.#fail(failed('request_timeout', `the request body for ${this.#options.target.name} arrives too slowly`));
  };

  #end(result: Result<void> | NoResponse): void {
    if (this.#over) return;
    this.#over = true;
    this.#sending.stop();
    this.#request.off(bodyTooSlow, this.#onSlowBody);
    this.#response.off('close', this.#onClientGone);
    this.#resolve(result);
  }
}
