import type { WebSocketInternals } from '../internals/private-names.ts';

const noExtensions = Object.freeze({});

/** Gives a WebSocket without extensions, its receiver and its sender the same empty object as others; `ws` only reads it. */
export function shareNoExtensions(ws: WebSocketInternals): void {
  const { _receiver: receiver, _sender: sender } = ws;
  for (const part of [ws, receiver, sender]) {
    const own: unknown = part?._extensions;
    if (typeof own === 'object' && own !== null && Reflect.ownKeys(own).length === 0) part._extensions = noExtensions;
  }
}
