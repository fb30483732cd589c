import { expect, test } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { connectClient, type Transport } from '../support/socket-io.ts';

test.each<Transport>(['websocket', 'polling'])(
  'after a drain no new client gets to a push-server whose address the router lists, and no other one is cut off: %s',
  async (transport) => {
    const { agent, servers } = await startCluster();
    const [drained, other] = servers.map(({ adminUrl }) => adminUrl);
    const connect = (user: string) => connectClient(agent.url, transport, { query: { user } });
    const first = await Promise.all(Array.from({ length: 8 }, (_, index) => connect(`early-${index}`)));
    let cuts = 0;
    for (const client of first) client.on('disconnect', () => cuts++);
    expect((await fetch(`${drained}/drain`, { method: 'PUT' })).status).toBe(200);
    // Sessions of WebSockets migrate, which takes a moment.
    if (transport === 'websocket') await expect.poll(() => clientsOf(drained)).toBe(0);
    const left = await clientsOf(drained);
    await expect.poll(() => clientsOf(other)).toBe(8 - left);
    // Agents leave out a target whose sessions migrate for a second: what it answers to new clients is seen afterwards.
    await expect.poll(() => stateOfTarget(agent.adminUrl, servers[0]?.port)).toBe('up');
    // More than may be tried again at other targets: only the first of them asks the one that was drained.
    for (let batch = 0; batch < 13; batch++) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => connect(`late-${batch}-${index}`)));
    }
    expect(await clientsOf(drained)).toBe(left);
    expect(await clientsOf(other)).toBe(138 - left);
    expect(cuts).toBe(0);
  },
);

async function clientsOf(adminUrl: string | undefined): Promise<number> {
  const { clients } = (await (await fetch(`${adminUrl}/state`)).json()) as {
    readonly clients: { readonly websocket: number; readonly polling: number };
  };
  return clients.websocket + clients.polling;
}

/** How an agent sees a target of the product `default`. */
async function stateOfTarget(adminUrl: string | undefined, port: number | undefined): Promise<string | undefined> {
  const { products } = (await (await fetch(`${adminUrl}/state`)).json()) as {
    readonly products: readonly {
      readonly product: string;
      readonly targets: readonly { readonly target: string; readonly state: string }[];
    }[];
  };
  const { targets = [] } = products.find(({ product }) => product === 'default') ?? {};
  return targets.find(({ target }) => target === `127.0.0.1:${port}`)?.state;
}
