import { type Closing, events, failures } from '@gopush/contract';
import { connectionOf, type EngineConnection, type WebSocketInternals, webSocketOf } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import { closeFrameMs } from '../http/close-frame.ts';

/** Close codes of WebSockets by cause. Those from 4000 to 4999 are for private use (RFC 6455 section 7.4.2). */
const closeCodes = {
  request_malformed: 4400,
  payload_invalid: 4422,
  send_queue_full: 4008,
  replaced: 4009,
  too_many_requests: 4029,
} as const;

/** Why a connection is closed. */
export type CloseCause = keyof typeof closeCodes;

/** Closes connections with a code that names the cause to their clients. */
export class Closer {
  readonly #onClose: (cause: CloseCause) => void;
  /** WebSockets that we have closed and their clients have not: an HTTP server does not close while these are open. */
  readonly #closing = new Set<WebSocketInternals>();

  /** @param onClose - called for each connection that is closed by this */
  constructor(onClose: (cause: CloseCause) => void) {
    this.#onClose = onClose;
  }

  /** Closes the connection of a client that does not read: drops what waits in Socket.IO, so that the code follows what the network has taken. */
  cut(connection: EngineConnection, cause: CloseCause): void {
    this.#end(connection, cause, true);
  }

  /**
   * Closes the connection of a client that reads: sends it the cause first.
   *
   * @param forGood - whether its library must not reconnect: it would replace another connection again
   */
  dismiss(socket: Socket, cause: CloseCause, forGood: boolean): void {
    const connection = connectionOf(socket);
    if (connection.readyState !== 'open') return;
    socket.emit(events.closing, { code: cause, message: failures[cause].message } satisfies Closing);
    if (forGood) socket.disconnect(false);
    // What waits has to go out before the close frame: nothing after that is read.
    if (webSocketOf(connection) !== undefined) connection.transport.send(connection.writeBuffer.splice(0));
    this.#end(connection, cause, false);
  }

  /** Cuts the WebSockets that their clients have not closed yet. */
  close(): void {
    for (const webSocket of this.#closing) webSocket.terminate();
  }

  #end(connection: EngineConnection, cause: CloseCause, discard: boolean): void {
    this.#onClose(cause);
    const webSocket = webSocketOf(connection);
    if (webSocket === undefined) {
      connection.close(discard);
      return;
    }
    this.#closing.add(webSocket);
    webSocket.once('close', () => this.#closing.delete(webSocket));
    webSocket.close(closeCodes[cause], cause);
    connection.close(true);
    if (cause !== 'too_many_requests') return;
    // Or `ws` would read whatever the client still sends, for as long as it waits for the client's close frame.
    webSocket.pause();
    const cut = setTimeout(() => webSocket.terminate(), closeFrameMs).unref();
    webSocket.once('close', () => clearTimeout(cut));
  }
}
