import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to a push-server that can be cut as if its machine were gone: neither side is told to clean up. */
export async function startWire(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  let isLost = (_bytes: Buffer): boolean => false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (!isLost(bytes)) near.write(bytes);
    });
    far.on('end', () => near.end());
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
    /** Loses the answers to CONNECTs, and all that the push-server sends after the first. Resolves when it has sent those of these namespaces. */
    loseAnswers(namespaces: readonly string[]): Promise<void> {
      const texts = namespaces.map((name) => (name === '/' ? '40{' : `40${name},{`));
      let lost = '';
      return new Promise((resolve) => {
        isLost = (bytes) => {
          const text = bytes.toString('latin1');
          if (lost !== '' || texts.some((one) => text.includes(one))) lost += text;
          if (texts.every((one) => lost.includes(one))) resolve();
          return lost !== '';
        };
      });
    },
    /** Resolves when the push-server sends this. */
    whenSent(text: string): Promise<void> {
      return new Promise((resolve) => {
        isLost = (bytes) => {
          if (bytes.includes(text)) resolve();
          return false;
        };
      });
    },
    crash() {
      isCut = true;
      for (const socket of sockets) socket.unpipe();
      for (const socket of near) socket.destroy();
    },
  };
}
