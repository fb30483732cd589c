import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { failures } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { WebSocketServer } from 'ws';
import { logFailure } from '../../hook/log-failure.ts';
import { refuseUpgrade } from '../../http/refuse-upgrade.ts';
import { refuse } from '../../http/respond.ts';
import { scopeIn } from '../../rooms/names/product-scope.ts';
import { roomOfClients } from '../../rooms/names/room-names.ts';
import { refreshEach } from '../../tasks/refresh-each.ts';
import { splitUrl } from '../request/split-url.ts';
import { type Admission, type AdmitOptions, type Admitted, admitListener } from './admit-listener.ts';
import { Listener, type ListenerContext } from './listener.ts';
import type { EndCode, Sink, SinkKind } from './sink.ts';
import { createSseSink } from './sse-sink.ts';
import { createWsSink } from './ws-sink.ts';

/** What serving listeners needs. */
export interface ListenersOptions extends AdmitOptions {
  readonly context: ListenerContext;
  /** Between two signs of life, in milliseconds. */
  readonly beatMs: number;
  /** How long those that are ended at a stop may take, in milliseconds. */
  readonly drainMs: number;
  readonly log: Logger;
  /** Waits at a stop for what a hook still does. */
  readonly keep: (work: Promise<void>) => void;
}

/** How many listen on this node, and why others are over. */
export interface ListenerCounts {
  open(): Readonly<Record<SinkKind, number>>;
  readonly ended: ReadonlyMap<EndCode, number>;
}

/** Those who listen on this node. */
export interface Listeners {
  /** Answers a request with Server-Sent Events. Resolves when these have begun, or it is refused. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /**
   * Answers an upgrade with a WebSocket.
   *
   * @returns with which status
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<number>;
  readonly counts: ListenerCounts;
  /**
   * Ends those with the identity of a user: all, or those in a room, which are to ask again whether they may hear it.
   *
   * @param user - the uid, after the scope of its product
   */
  endUser(user: string, room?: string): void;
  /** Ends all, which are to come back elsewhere. */
  close(): Promise<void>;
}

/** Opens the account of listeners. */
export function createListeners(options: ListenersOptions): Listeners {
  const { context, beatMs, drainMs, log, rules, keep } = options;
  const all = new Set<Listener>();
  const ended = new Map<EndCode, number>();
  // A client has nothing to say here; what is larger than this ends it.
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: 1_024, perMessageDeflate: false });
  const byUser = new Map<string, Set<Listener>>();
  const stopBeats = refreshEach(
    () => all.values(),
    beatMs,
    () => all.size,
    (listener) => listener.beat(),
  );
  let stopping = false;
  let onEmpty = (): void => {};

  async function admit(request: IncomingMessage): Promise<Admission> {
    if (stopping) return { ok: false, failure: { code: 'stopping' } };
    const admitted = await admitListener(request, splitUrl(request.url).query, options);
    // It may have taken a while.
    return stopping ? { ok: false, failure: { code: 'stopping' } } : admitted;
  }

  function begin({ client, lastEventId, ...listening }: Admitted, sink: Sink): void {
    const listener = new Listener(listening, sink, context);
    all.add(listener);
    const { user } = listening;
    if (user !== undefined) byUser.set(user, (byUser.get(user) ?? new Set()).add(listener));
    sink.onClose(() => {
      all.delete(listener);
      if (user !== undefined && byUser.get(user)?.delete(listener) && byUser.get(user)?.size === 0) byUser.delete(user);
      ended.set(listener.endCode, (ended.get(listener.endCode) ?? 0) + 1);
      if (all.size === 0) onEmpty();
      if (client === undefined || !rules.has('onDisconnect')) return;
      keep(
        rules.disconnected(client, 'transport close').then((result) => {
          if (!result.ok) logFailure(result.failure, log);
        }),
      );
    });
    listener.open(lastEventId).catch((error: unknown) => {
      log.error({ err: error }, 'a listener could not start');
      listener.cut();
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET')
      return refuse(response, { code: 'method_unsupported' }, { allow: 'GET', connection: 'close' });
    const admitted = await admit(request);
    if (response.destroyed) return;
    if (admitted.ok) return begin(admitted.value, createSseSink(response));
    logFailure(admitted.failure, log);
    refuse(response, admitted.failure, retryAfter(admitted));
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<number> {
    const gone = (): void => void socket.destroy();
    socket.on('error', gone);
    const admitted = await admit(request);
    if (socket.destroyed) return failures.client_gone.upgrade;
    if (!admitted.ok) {
      logFailure(admitted.failure, log);
      refuseUpgrade(socket, admitted.failure, retryAfter(admitted));
      return failures[admitted.failure.code].upgrade;
    }
    socket.off('error', gone);
    // A handshake that is malformed is refused by ws, which does not call back.
    let status = failures.upgrade_malformed.upgrade;
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      status = 101;
      begin(admitted.value, createWsSink(webSocket));
    });
    return status;
  }

  return {
    handle: (request, response) =>
      handle(request, response).catch((cause: unknown) => {
        log.error({ err: cause }, 'a listener could not be admitted');
        if (!response.headersSent) refuse(response, { code: 'internal' });
        else response.destroy();
      }),
    upgrade: (request, socket, head) =>
      upgrade(request, socket, head).catch((cause: unknown) => {
        log.error({ err: cause }, 'a listener could not be admitted');
        socket.destroy();
        return failures.internal.upgrade;
      }),
    counts: {
      open() {
        const open = { sse: 0, websocket: 0 };
        for (const { kind } of all) open[kind]++;
        return open;
      },
      ended,
    },
    endUser(user, room) {
      for (const listener of byUser.get(user) ?? []) {
        const { listening } = listener;
        if (room === undefined || listening.rooms.includes(roomOfClients(room, scopeIn(user))))
          listener.end('disconnected');
      }
    },
    async close() {
      stopping = true;
      stopBeats();
      const empty = new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
      for (const listener of all) listener.end('stopping');
      const cut = setTimeout(() => {
        for (const listener of all) listener.cut();
      }, drainMs);
      if (all.size > 0) await empty;
      clearTimeout(cut);
      webSockets.close();
    },
  };
}

function retryAfter(admission: Admission): { 'retry-after'?: string } {
  return 'retryAfter' in admission ? { 'retry-after': String(admission.retryAfter) } : {};
}
