import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP proxy before several ports, whose connections a test cuts. */
export interface CuttingProxy {
  readonly url: string;
  /** The ports that new connections go to, in turn. */
  ports: readonly number[];
  /** Cuts all connections that are open now, in the middle of whatever they carry. */
  cut(): void;
  /** Lets nothing more go to the clients that are connected now. */
  hold(): void;
  /** Cuts the next connection as soon as this many bytes have gone to the client. Later connections are left alone. */
  cutAfter(bytes: number): void;
  /** Ports that connections went to, in order. */
  readonly used: readonly number[];
}

/** Starts a proxy that ends with the test. */
export async function startCuttingProxy(ports: readonly number[]): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const used: number[] = [];
  const holds = new Set<() => void>();
  let budget: number | undefined;
  const server = createServer((client) => {
    const port = proxy.ports[used.length % proxy.ports.length] as number;
    used.push(port);
    const target = connect(port, '127.0.0.1');
    let left = budget;
    budget = undefined;
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end).on('close', () => {
        open.delete(socket);
        end();
      });
    }
    client.pipe(target);
    holds.add(() => target.pause());
    target.on('data', (chunk: Buffer) => {
      if (left === undefined || chunk.length < left) {
        if (left !== undefined) left -= chunk.length;
        client.write(chunk);
        return;
      }
      const last = chunk.subarray(0, left);
      left = 0;
      target.pause();
      // What was let through arrives; the rest never does.
      client.end(last, end);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ports,
    used,
    cut() {
      for (const socket of open) socket.destroy();
    },
    hold() {
      for (const hold of holds) hold();
    },
    cutAfter(bytes: number) {
      budget = bytes;
    },
  };
  onTestFinished(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}
