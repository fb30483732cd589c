import type { Socket } from 'node:net';

/** How long one side may stay open after the other has ended, in milliseconds. */
const lingerMs = 10_000;

/**
 * Pipes two sockets into each other until either ends; both always go down together. Whoever ends its side gets what is still
 * on the way from the other; whoever resets resets the other. The caller closes a tunnel by destroying the client's socket.
 */
export function openTunnel(client: Socket, upstream: Socket): void {
  for (const socket of [client, upstream]) {
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
  }
  carry(client, upstream);
  carry(upstream, client);
}

/** Carries one direction. */
function carry(from: Socket, to: Socket): void {
  let linger: NodeJS.Timeout | undefined;
  from.on('error', () => to.resetAndDestroy());
  from.once('end', () => {
    linger = setTimeout(() => to.destroy(), lingerMs);
  });
  to.once('close', () => clearTimeout(linger));
  from.once('close', () => {
    // An orderly end was passed on by the pipe; anything else must not leave the other side waiting.
    if (!from.readableEnded) to.destroy();
  });
  from.pipe(to);
}
