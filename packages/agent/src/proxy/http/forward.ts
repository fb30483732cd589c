import type { IncomingMessage, ServerResponse } from 'node:http';
import { drainingHeader, failed, type Result, success, type Target } from '@gopush/contract';
import { awaitsContinue, holdContinue, linger } from '@gopush/service';
import { responseHeaders } from '../../headers/response-headers.ts';
import { responseTrailers } from '../../headers/trailers.ts';
import { wasPassedOn } from '../../hooks/app-messages.ts';
import { bodyTooSlow, type SlowClients } from '../../limits/slow-clients.ts';
import { isBodyExpected, isChunked } from '../../request/request-framing.ts';
import { connectFailure, refusalOfTarget } from '../../target/connect-failure.ts';
import { saysFull } from '../../wire/full-response.ts';
import { HeadReader } from '../../wire/head-reader.ts';
import { createResponseBody, type ResponseBody } from '../../wire/response-body.ts';
import { framingOf, headerOf, type ResponseHead, staysOpenMs } from '../../wire/response-head.ts';
import { writeHead, writeHeaders, writeHost, writeRequestHead } from '../../wire/write-head.ts';
import { writeMergedHead } from './merge-headers.ts';
import type { RequestBody } from './request-body.ts';
import { RequestSending } from './request-sending.ts';
import type { TargetConnection, TargetConnections, TargetExchange } from './target-connections.ts';

/** What forwarding needs besides request and response. */
export interface ForwardOptions {
  readonly target: Target;
  /** Path and query for the target. */
  readonly path: string;
  /** Headers for the target, as names and values in turn. */
  readonly headers: readonly string[];
  /** Headers of ours for the client, beside the target's. */
  readonly ownHeaders: readonly string[];
  /** The body of the request, the same for each target that is asked. */
  readonly body: RequestBody;
  readonly connections: TargetConnections;
  /** Told where the target says that it stops. */
  readonly onDraining: (target: Target) => void;
  /** How long nothing may move before the answer begins, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Whether requests may share a connection to the target, one after another. */
  readonly reuse: boolean;
  readonly slow: Pick<SlowClients, 'takes'>;
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/**
 * Streams a request to its target and the answer back. Resolves when the answer is complete or either side went away;
 * a failure is one that happened before any of the answer was sent.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
): Promise<Result<void>> {
  const { body, target } = options;
  holdContinue(request);
  const head = headFor(request, options);
  // A kept connection may be closed at any time: only for what can be sent once more.
  const first = await attempt(request, response, options, head, !options.reuse || !body.keep());
  if (typeof first !== 'string') return first;
  // On a new connection, as the other kept ones may be as old.
  const mayRepeat = first === 'unread' || (!body.exists && idempotent.has(request.method ?? ''));
  const second = mayRepeat ? await attempt(request, response, options, head, true) : first;
  return typeof second === 'string' ? failed('target_reset', target.name) : second;
}

/**
 * How an attempt ended without an answer: the connection was closed, and nobody knows what the target has done, or it is sure that the target
 * has not read the request.
 */
type Unanswered = 'reset' | 'unread';

function attempt(
  request: IncomingMessage,
  response: ServerResponse,
  options: ForwardOptions,
  head: string,
  fresh: boolean,
): Promise<Result<void> | Unanswered> {
  return new Promise((resolve) => {
    new Forwarding(request, response, options, fresh, resolve).start(head);
  });
}

function headFor(request: IncomingMessage, options: ForwardOptions): string {
  let headers = writeHost(writeHeaders(options.headers), options.target);
  if (isChunked(request)) headers += 'transfer-encoding: chunked\r\n';
  // The target decides whether it takes the body, where no hook has asked for it.
  if (awaitsContinue(request)) headers += 'expect: 100-continue\r\n';
  // A target that does not read the body would answer what looks like another request in it, were the connection to stay.
  if (!mayReuse(request, options)) headers += 'connection: close\r\n';
  return writeRequestHead(request.method ?? 'GET', options.path, headers);
}

function mayReuse(request: IncomingMessage, { reuse }: ForwardOptions): boolean {
  return reuse && isBodyExpected(request);
}

/** How much of a body goes out with its head as one text, in bytes; Node writes 16 KB of text without a buffer of its own. */
const maxWithHead = 8 * 1024;

const noBytes = Buffer.alloc(0);

/** By an app that went on with a response after it had passed it on. */
const answeredByHook = failed('uid_hook_bad_value', 'the agent hook responded after it had called next()');

/** One attempt to have a request answered by its target. */
class Forwarding implements TargetExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ForwardOptions;
  readonly #connection: TargetConnection;
  readonly #resolve: (result: Result<void> | Unanswered) => void;
  /** Whether the connection had served before. */
  readonly #isKept: boolean;
  readonly #sending: RequestSending;
  readonly #heads = new HeadReader();
  #head: ResponseHead | undefined;
  #body: ResponseBody | undefined;
  /** Whether the client can be sent trailers. */
  #trails = false;
  /** How long the connection may be kept for another request, should the answer end well, in milliseconds. */
  #staysMs = 0;
  /** Whether any of the body was relayed. */
  #begun = false;
  #over = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: ForwardOptions,
    fresh: boolean,
    resolve: (result: Result<void> | Unanswered) => void,
  ) {
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
    // Not before: while the connection can fail, the body must stay whole for the next target.
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
    // Once the answer has begun it may take as long as it likes: server-sent events, long polls.
    if (this.#head !== undefined) return;
    const { name } = this.#options.target;
    // The target waits for the client, not the client for the target.
    const waits = !this.#sending.done && !this.#connection.socket.writableNeedDrain;
    this.#fail(
      waits ? failed('request_timeout', `the request body for ${name} stalled`) : failed('target_silent', name),
    );
  }

  onGone(error: NodeJS.ErrnoException | undefined): void {
    if (this.#over) return;
    const { target } = this.#options;
    if (this.#body?.endsWithConnection && error === undefined) {
      this.#finish();
    } else if (this.#head !== undefined) {
      // Cut, so that half an answer is not taken for a whole one.
      if (this.#request.complete) this.#response.destroy();
      else linger(this.#request.socket);
      this.#end(success(undefined));
    } else if (!this.#connection.connected) {
      this.#end(connectFailure(target, error));
    } else if (refusalOfTarget(target, error) !== undefined) {
      this.#end(refusalOfTarget(target, error) as Result<never>);
    } else if (!this.#heads.isWithin) {
      this.#end(this.#sending.unsent && this.#options.body.isKept ? 'unread' : 'reset');
    } else {
      this.#end(failed('target_bad_answer', `${target.name} closed the connection within the head of its response`));
    }
  }

  onChunk(chunk: Buffer, length: number): boolean {
    const bytes = chunk.subarray(0, length);
    if (this.#head !== undefined) return this.#relay(bytes);
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
      const failure = this.#begin(head);
      return failure === undefined ? this.#relay(heads.rest) : this.#fail(failure);
    }
  }

  #refuse(problem: string): false {
    return this.#fail(failed('target_bad_answer', `${this.#options.target.name}: ${problem}`));
  }

  /** Early hints and the like go on as they came; a 100 only to a client that waits for it. */
  #inform(head: ResponseHead): void {
    if (head.status === 100) this.#sending.onContinue();
    if (head.status === 100 || this.#request.httpVersionMinor === 0 || this.#response.headersSent) return;
    this.#response.socket?.write(writeHead(head.status, head.reason, responseHeaders(head, false)), 'latin1');
  }

  /**
   * Whether a target says that it closes a kept connection on which it has not received a request: a request that was on its way may be
   * repeated, whatever its method (RFC 9110 section 15.5.9).
   */
  #isUnread(head: ResponseHead): boolean {
    return this.#isKept && head.status === 408 && this.#options.body.isKept && staysOpenMs(head) === 0;
  }

  #begin(head: ResponseHead): Result<never> | undefined {
    const { body, target, onDraining } = this.#options;
    const { name } = target;
    if (headerOf(head, drainingHeader) !== undefined) onDraining(target);
    if (saysFull(head) && !body.exists) return failed('target_full', name);
    const framing = framingOf(head, this.#request.method ?? 'GET');
    if (typeof framing === 'string') return failed('target_bad_answer', `${name}: ${framing}`);
    if (this.#response.headersSent) return answeredByHook;
    body.letGo();
    this.#head = head;
    this.#staysMs = this.#isRead(head) ? staysOpenMs(head) : 0;
    this.#body = createResponseBody(framing);
    // Not once for each time: middlewares put a stream in between, and lose the listener that is to be removed.
    this.#response.on('drain', this.#onClientDrain);
    this.#trails = framing.kind === 'chunked' && this.#request.httpVersionMinor > 0;
    const headers = responseHeaders(head, this.#trails);
    headers.push(...this.#options.ownHeaders);
    if (this.#sending.endsWith(head)) this.#response.shouldKeepAlive = false;
    if (head.status === 426) headers.push('connection', this.#response.shouldKeepAlive ? 'Upgrade' : 'Upgrade, close');
    return this.#writeHead(head, headers);
  }

  #writeHead({ status, reason }: ResponseHead, headers: readonly string[]): Result<never> | undefined {
    try {
      writeMergedHead(this.#response, status, reason, headers);
      return undefined;
    } catch (error) {
      if (!wasPassedOn(this.#response)) throw error;
      return failed(
        'uid_hook_threw',
        'a middleware of the agent hook threw while the head of the response was written',
        error,
      );
    }
  }

  /** Whether the target may be taken to have read the whole request: one that answers early, or with an error, may have left the body unread. */
  #isRead({ status }: ResponseHead): boolean {
    if (!mayReuse(this.#request, this.#options)) return false;
    if (!this.#options.body.exists) return true;
    return status < 400 && this.#sending.done && this.#connection.socket.writableLength === 0;
  }

  #relay(bytes: Buffer): boolean {
    const body = this.#body as ResponseBody;
    const response = this.#response;
    // What came with the head, if it is short, goes out with it as one text: one write instead of gathering two.
    let first = !this.#begun && bytes.length <= maxWithHead ? '' : undefined;
    this.#begun = true;
    let more = true;
    // A copy: the response may wait for the client, the buffer does not. And one for all chunks in it, of which there may be thousands.
    const copy = first === undefined ? Buffer.allocUnsafe(bytes.length) : noBytes;
    let copied = 0;
    const consumed = body.read(bytes, (content) => {
      if (first !== undefined) first += content.toString('latin1');
      else copied += content.copy(copy, copied);
    });
    if (copied > 0) more = response.write(copy.subarray(0, copied));
    // Cut, as its status cannot be taken back.
    if (body.fault !== undefined) return this.#refuse(body.fault);
    if (body.done) {
      this.#finish(consumed === bytes.length, first);
      return true;
    }
    if (first) more = response.write(first, 'latin1');
    // Server-sent events and the like: the client waits for the headers, not for the first byte.
    if (bytes.length === 0) response.flushHeaders();
    // A middleware that compresses keeps what is short until there is more.
    else if (wasPassedOn(response)) (response as ServerResponse & { flush?(): void }).flush?.();
    if (!more) this.#options.slow.takes(response);
    return more;
  }

  /** The answer is whole, with this as its last bytes. */
  #finish(nothingLeft = false, last = ''): void {
    const trailers = this.#body?.trailers ?? [];
    if (trailers.length > 0 && this.#trails && this.#head !== undefined) {
      this.#response.addTrailers(pairs(responseTrailers(this.#head, trailers)));
    }
    if (last === '') this.#response.end();
    else this.#response.end(last, 'latin1');
    const isKept = wasPassedOn(this.#response) && !this.#response.writableEnded;
    if (isKept || this.#response.writableLength > 0) this.#options.slow.takes(this.#response, isKept);
    // An answer may come before its request is whole; the rest is taken to no use, or the client would hang in sending it.
    if (!this.#sending.done) this.#options.body.drop();
    if (nothingLeft && this.#staysMs > 0 && !this.#body?.isLoose) this.#connection.release(this.#staysMs);
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
    this.#end(this.#response.writableFinished ? answeredByHook : failed('client_gone', this.#options.target.name));
  };

  readonly #onSlowBody = (): void => {
    this.#fail(failed('request_timeout', `the request body for ${this.#options.target.name} arrives too slowly`));
  };

  #end(result: Result<void> | Unanswered): void {
    if (this.#over) return;
    this.#over = true;
    this.#sending.stop();
    this.#request.off(bodyTooSlow, this.#onSlowBody);
    this.#response.off('close', this.#onClientGone);
    this.#resolve(result);
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length >> 1 }, (_, index) => [
    raw[index * 2] as string,
    raw[index * 2 + 1] as string,
  ]);
}
