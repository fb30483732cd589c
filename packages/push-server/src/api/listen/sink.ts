/** Why a listener is ended: it takes too long, this node stops, or a back end wants it. */
export type EndReason = 'listener_too_slow' | 'stopping' | 'disconnected';

/** Why a listener is over: it was ended, it could not begin, or whoever listened is gone. */
export type EndCode = EndReason | 'internal' | 'client_gone';

/** Over what a listener hears. */
export type SinkKind = 'sse' | 'websocket';

/** Where a listener's events go. */
export interface Sink {
  readonly kind: SinkKind;
  /** Sends an event; `data` is JSON. */
  send(type: 'ready' | 'message' | 'gap', id: string, data: string): void;
  /** Bytes that were sent and wait. */
  readonly waiting: number;
  /** Shows that both sides are still there. */
  beat(id: string): void;
  /** Ends it after what was sent before; what is not taken in time is cut. */
  end(reason: EndReason): void;
  /** Cuts it. */
  cut(): void;
  /** Calls back once, when it is over. */
  onClose(listener: () => void): void;
}

/** How long one that is ended may take for what was sent before, in milliseconds. */
export const endMs = 10_000;
