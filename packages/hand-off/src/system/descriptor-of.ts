import type { Socket } from 'node:net';

/** Node's handle of a connection. It is not documented, but unchanged for ten years; docs/decisions/0005 has its dangers. */
interface WithHandle extends Socket {
  readonly _handle: { readonly fd?: number; reading?: boolean; readStop?(): number } | null;
}

/** The descriptor of a connection; negative if there is none, as after closing. */
export function descriptorOf(socket: Socket): number {
  return (socket as WithHandle)._handle?.fd ?? -1;
}

/** Stops reading at once; pausing a socket lets it read on until its buffer is full. */
export function stopReading(socket: Socket): void {
  socket.pause();
  const { _handle: handle } = socket as WithHandle;
  if (handle === null) return;
  handle.reading = false;
  handle.readStop?.();
}
