import { type Closing, events, failures } from '@gopush/contract';
import { connectionOf, type EngineConnection, type WebSocketInternals, webSocketOf } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';

/** Why a connection is closed, and the code that its WebSocket is closed with (4000 to 4999 are a program's own, RFC 6455 section 7.4.2). */
const closeCodes = {
  request_malformed: 4400,
  payload_invalid: 4422,
  send_queue_full: 4008,
  replaced: 4009,
  too_many_requests: 4029,
} as const;

/** Why a connection is closed. */
export type CloseCause = keyof typeof closeCodes;

/** How long a client that sends too much has to take its close frame, in milliseconds. */
const goodbyeMs = 1_000;

/** Closes connections so that their clients can tell why. */
export interface Closer {
  /** For one that does not read: what waits inside Socket.IO is dropped, the code comes after what the network has already. */
  cut(connection: EngineConnection, cause: CloseCause): void;
  /** For one that reads: it is told first. `forGood` is for one that would only come back to take the place of another again. */
  dismiss(socket: Socket, cause: CloseCause, forGood: boolean): void;
  /** Ends those that have not answered their closing yet. */
  close(): void;
}

/** @param onClose - told of each connection that is closed so */
export function createCloser(onClose: (cause: CloseCause) => void): Closer {
  /** Closed by us but not by the other side: an HTTP server does not stop while these are open. */
  const leaving = new Set<WebSocketInternals>();

  function end(connection: EngineConnection, cause: CloseCause, discard: boolean): void {
    onClose(cause);
    const webSocket = webSocketOf(connection);
    if (webSocket === undefined) {
      connection.close(discard);
      return;
    }
    leaving.add(webSocket);
    webSocket.once('close', () => leaving.delete(webSocket));
    webSocket.close(closeCodes[cause], cause);
    connection.close(true);
    if (cause !== 'too_many_requests') return;
    // What it goes on to send would be read for as long as `ws` waits for its goodbye, at the cost that it is sent away for.
    webSocket.pause();
    const cut = setTimeout(() => webSocket.terminate(), goodbyeMs).unref();
    webSocket.once('close', () => clearTimeout(cut));
  }

  return {
    cut: (connection, cause) => end(connection, cause, true),
    dismiss(socket, cause, forGood) {
      const connection = connectionOf(socket);
      if (connection.readyState !== 'open') return;
      socket.emit(events.closing, { code: cause, message: failures[cause].message } satisfies Closing);
      if (forGood) socket.disconnect(false);
      // What waits goes out before the code, or nothing of it would be read.
      if (webSocketOf(connection) !== undefined) connection.transport.send(connection.writeBuffer.splice(0));
      end(connection, cause, false);
    },
    close() {
      for (const webSocket of leaving) webSocket.terminate();
    },
  };
}
