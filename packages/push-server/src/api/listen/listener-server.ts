import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { failures } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { WebSocketServer } from 'ws';
import { logFailure } from '../../hook/log-failure.ts';
import type { ServerClient } from '../../hook/server-hook.ts';
import { refuseUpgrade } from '../../http/refuse-upgrade.ts';
import { refuse } from '../../http/respond.ts';
import { refreshEach } from '../../tasks/refresh-each.ts';
import { splitUrl } from '../request/split-url.ts';
import { type Admission, type AdmitOptions, type Admitted, admitListener } from './admit-listener.ts';
import { Listener, type ListenerContext } from './listener.ts';
import { type ListenerCounts, ListenerSet } from './listener-set.ts';
import type { Sink } from './sink.ts';
import { createSseSink } from './sse-sink.ts';
import { createWsSink } from './ws-sink.ts';

/** What serving listeners needs. */
export interface ListenersOptions extends AdmitOptions {
  readonly context: ListenerContext;
  /** Time between two signs of life, in milliseconds. */
  readonly beatMs: number;
  /** How long those that are ended at a stop may take, in milliseconds. */
  readonly drainMs: number;
  readonly log: Logger;
  /** Waits for some work before the server hook is closed at a stop. */
  readonly keep: (work: Promise<void>) => void;
}

/** Largest message of a listener, in bytes: it has nothing to send, and one that sends more is closed. */
const maxPayload = 1_024;

/** Serves requests for `/listen`: admits listeners, and sends them events by Server-Sent Events or a WebSocket. */
export class ListenerServer {
  readonly #options: ListenersOptions;
  readonly #all = new ListenerSet();
  readonly #webSockets = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });
  readonly #stopBeats: () => void;
  #isStopping = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#stopBeats = refreshEach(
      () => this.#all[Symbol.iterator](),
      options.beatMs,
      () => this.#all.size,
      (listener) => listener.beat(),
    );
  }

  get counts(): ListenerCounts {
    return this.#all;
  }

  /** Responds to a request with Server-Sent Events. Resolves when these have begun, or the request is refused. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#handle(request, response);
    } catch (cause) {
      this.#options.log.error({ err: cause }, 'a listener could not be admitted');
      if (!response.headersSent) refuse(response, { code: 'internal' });
      else response.destroy();
    }
  }

  /** Responds to an upgrade with a WebSocket. @returns the status of the response */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<number> {
    try {
      return await this.#upgrade(request, socket, head);
    } catch (cause) {
      this.#options.log.error({ err: cause }, 'a listener could not be admitted');
      socket.destroy();
      return failures.internal.upgrade;
    }
  }

  /** See {@link ListenerSet.endUser}. */
  endUser(user: string, room?: string): void {
    this.#all.endUser(user, room);
  }

  /** Ends all listeners, which then come back to another push-server. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#stopBeats();
    await this.#all.endAll('stopping', this.#options.drainMs);
    this.#webSockets.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') {
      refuse(response, { code: 'method_unsupported' }, { allow: 'GET', connection: 'close' });
      return;
    }
    const admitted = await this.#admit(request);
    if (response.destroyed) return;
    if (admitted.ok) {
      this.#begin(admitted.value, createSseSink(response));
      return;
    }
    logFailure(admitted.failure, this.#options.log);
    refuse(response, admitted.failure, retryAfter(admitted));
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<number> {
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    const admitted = await this.#admit(request);
    if (socket.destroyed) return failures.client_gone.upgrade;
    if (!admitted.ok) {
      logFailure(admitted.failure, this.#options.log);
      refuseUpgrade(socket, admitted.failure, retryAfter(admitted));
      return failures[admitted.failure.code].upgrade;
    }
    socket.off('error', onError);
    // A malformed handshake is refused by ws, which does not call back.
    let status = failures.upgrade_malformed.upgrade;
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      status = 101;
      this.#begin(admitted.value, createWsSink(webSocket));
    });
    return status;
  }

  async #admit(request: IncomingMessage): Promise<Admission> {
    if (this.#isStopping) return stopping;
    const admitted = await admitListener(request, splitUrl(request.url).query, this.#options);
    // The stop may have begun meanwhile.
    return this.#isStopping ? stopping : admitted;
  }

  #begin({ client, lastEventId, ...listening }: Admitted, sink: Sink): void {
    const listener = new Listener(listening, sink, this.#options.context);
    this.#all.add(listener);
    sink.onClose(() => {
      this.#all.delete(listener);
      if (client !== undefined) this.#tellHook(client);
    });
    listener.open(lastEventId).catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'a listener could not start');
      listener.cut();
    });
  }

  /** Tells the server hook that a listener with an identity has ended. */
  #tellHook(client: ServerClient): void {
    const { rules, keep, log } = this.#options;
    if (!rules.has('onDisconnect')) return;
    keep(
      rules.disconnected(client, 'transport close').then((result) => {
        if (!result.ok) logFailure(result.failure, log);
      }),
    );
  }
}

const stopping: Admission = { ok: false, failure: { code: 'stopping' } };

function retryAfter(admission: Admission): { 'retry-after'?: string } {
  return 'retryAfter' in admission ? { 'retry-after': String(admission.retryAfter) } : {};
}
