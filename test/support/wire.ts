import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to a push-server that can be cut as if its machine were gone: neither side is told to clean up. */
export async function startWire(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.once('close', () => {
      if (!isCut) far.destroy();
    });
    far.once('close', () => near.destroy());
    sockets.add(near).add(far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const near = new Set<Socket>();
  server.on('connection', (socket) => near.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    crash() {
      isCut = true;
      for (const socket of sockets) socket.unpipe();
      for (const socket of near) socket.destroy();
    },
  };
}
