/** Why a listener is ended: it reads too slowly, this node stops, or a program wants it. */
export type EndReason = 'listener_too_slow' | 'stopping' | 'disconnected';

/** Why a listener has ended: it was ended, it could not begin, or it closed its connection. */
export type EndCode = EndReason | 'internal' | 'client_gone';

/** The transport of a listener. */
export type SinkKind = 'sse' | 'websocket';

/** Sends events to a listener. */
export interface Sink {
  readonly kind: SinkKind;
  /** Sends an event; `data` is JSON. */
  send(type: 'ready' | 'message' | 'gap', id: string, data: string): void;
  /** Bytes that were sent and that the network has not taken. */
  readonly waiting: number;
  /** Sends a sign of life, and may find that the listener is gone. */
  beat(id: string): void;
  /** Ends the connection after everything that was sent; cuts it if the listener does not read that in time. */
  end(reason: EndReason): void;
  /** Cuts the connection. */
  cut(): void;
  /** Calls back once, when the connection is closed. */
  onClose(listener: () => void): void;
}

/** How long a listener that is ended may take to read all that was sent before, in milliseconds. */
export const endMs = 10_000;
