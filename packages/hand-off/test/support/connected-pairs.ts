import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP connection. */
export interface ConnectedPair {
  readonly accepted: Socket;
  readonly client: Socket;
}

/** Connections, both ends of each in this process. */
export async function connectPairs(count: number): Promise<ConnectedPair[]> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pairs: ConnectedPair[] = [];
  for (let index = 0; index < count; index++) {
    const client = connect(port, '127.0.0.1').on('error', () => {});
    const [accepted] = (await once(server, 'connection')) as [Socket];
    pairs.push({ accepted: accepted.on('error', () => {}), client });
  }
  server.close();
  onTestFinished(() => {
    for (const { accepted, client } of pairs) {
      accepted.destroy();
      client.destroy();
    }
  });
  return pairs;
}
