import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What becomes of connections that ask for WebSocket: they pass, or fail in one of these ways. */
type UpgradeFate = 'pass' | 'reset' | 'answered by 400' | 'never answered' | 'cut after the handshake' | 'held';

/** A TCP proxy that is hard on upgrades to WebSocket. */
export interface UpgradeTap {
  readonly port: number;
  readonly url: string;
  /** Where connections go from now on; `undefined`: they are reset. */
  target: number | undefined;
  fate: UpgradeFate;
  /** Resolves when the server has taken this many upgrades. */
  upgraded(count?: number): Promise<void>;
  /** Lets through what clients have sent on connections that were held. */
  release(): void;
  /** From now on silently drops everything, in both directions. */
  freeze(): void;
  /** Cuts all connections. */
  cut(): void;
}

/** Starts a proxy before a port, that ends with the test. */
export async function startUpgradeTap(target: number): Promise<UpgradeTap> {
  const open = new Set<Socket>();
  const waiting = new Set<() => void>();
  let held: (() => void)[] = [];
  let upgrades = 0;
  let isFrozen = false;
  const server = createServer((client) => {
    keep(client);
    client.once('data', (head: Buffer) => begin(client, head));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tap: UpgradeTap = {
    port,
    url: `http://127.0.0.1:${port}`,
    target,
    fate: 'pass',
    upgraded: (count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (upgrades < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    release() {
      for (const one of held) one();
      held = [];
    },
    freeze() {
      isFrozen = true;
      for (const socket of open) socket.unpipe().removeAllListeners('data').pause();
    },
    cut() {
      for (const socket of open) socket.destroy();
    },
  };
  onTestFinished(() => {
    tap.cut();
    server.close();
  });
  return tap;

  function keep(socket: Socket): void {
    open.add(socket.setNoDelay(true));
    socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket));
  }

  function begin(client: Socket, head: Buffer): void {
    const fate = /^upgrade: *websocket/im.test(head.toString('latin1')) ? tap.fate : 'pass';
    if (isFrozen) return;
    if (fate === 'reset' || tap.target === undefined) client.resetAndDestroy();
    else if (fate === 'answered by 400') client.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    else if (fate !== 'never answered') join(client, head, fate, connect(tap.target, '127.0.0.1'));
  }

  function join(client: Socket, head: Buffer, fate: UpgradeFate, far: Socket): void {
    keep(far);
    far.write(head);
    far.pipe(client);
    far.once('close', () => isFrozen || client.destroy());
    client.once('close', () => isFrozen || far.destroy());
    if (fate === 'held') {
      client.pause();
      held.push(() => client.pipe(far));
    } else client.pipe(far);
    far.once('data', (answer: Buffer) => {
      if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) return;
      upgrades++;
      for (const look of [...waiting]) look();
      if (fate === 'cut after the handshake') client.destroy();
    });
  }
}
