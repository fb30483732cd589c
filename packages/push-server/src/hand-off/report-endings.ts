import type { ReportedCause } from '@gopush/contract';
import type { Ending } from '@gopush/hand-off';
import { type EngineConnection, engineOf, messagesOf, webSocketOf } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import { takenConnectionOf } from './joined-connection.ts';
import { hasFailed } from './socket-ending.ts';

/** Reports to agents how connections that they handed over have ended. */
export function reportEndings(io: Server): void {
  engineOf(io).on('connection', (conn) => {
    if (webSocketOf(conn) === undefined) conn.once('upgrade', () => reportEnding(conn));
    else reportEnding(conn);
  });
}

function reportEnding(conn: EngineConnection): void {
  const webSocket = webSocketOf(conn);
  const taken = webSocket && takenConnectionOf(webSocket._socket);
  if (taken !== undefined) taken.ending = new ConnectionEnding(conn);
}

/** What `ws` has as the code of a client that has sent no close frame (RFC 6455 section 7.4.1). */
const noCloseFrame = 1006;

/** The end of a connection, read when it has come. */
class ConnectionEnding implements Ending {
  readonly #conn: EngineConnection;

  constructor(conn: EngineConnection) {
    this.#conn = conn;
  }

  /** As a tunnel logs it: the code of the client's close frame. */
  get code(): number | undefined {
    const code = webSocketOf(this.#conn)?._closeCode;
    return code === noCloseFrame ? undefined : code;
  }

  get cause(): ReportedCause {
    if (this.#conn.readyState !== 'open') return 'target closed';
    const socket = webSocketOf(this.#conn)?._socket;
    return socket !== undefined && hasFailed(socket) ? 'client reset' : 'client closed';
  }

  get messagesIn(): number | undefined {
    return messagesOf(this.#conn)?.received;
  }

  get messagesOut(): number | undefined {
    return messagesOf(this.#conn)?.sent;
  }
}
