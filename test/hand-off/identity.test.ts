import type { ServerClient } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../matrix/targets.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { readMetric } from '../support/metrics.ts';
import { openClient, type Transport } from '../support/socket-io.ts';

const secret = 'a secret of at least 32 characters';

/** Headers by which a client tries to be somebody else, somewhere else. */
const forged = {
  'X-Gopush-Uid': 'admin',
  'X-Gopush-Product': 'other',
  'X-Gopush-Agent': 'agent',
  'Sec-Gopush-Vouched': '1',
  'X-Gopush-Signature': 'v1,9999999999,aaaa',
  'X-Gopush-Resume': 'token',
  'X-Gopush-Resume-After': 'a.1~',
  'X-Forwarded-For': '203.0.113.9',
  'X-Real-Ip': '203.0.113.9',
  Forwarded: 'for=203.0.113.9',
};

/** What a push-server knows of a client that sends these headers. */
async function whoIs(handOff: boolean, secrets: readonly string[], transport: Transport, trusted: readonly string[]) {
  const dir = await makeFolder();
  const known: Pick<ServerClient, 'uid' | 'product' | 'address'>[] = [];
  const config = {
    handOff: { enabled: handOff, dir },
    access: { secrets: [...secrets], trustedProxies: [...trusted] },
  };
  const servers = await startPushServers(
    1,
    { ...config, admin: { serverPort: 0 } },
    {
      logger: silentLogger,
      hooks: { onConnect: ({ uid, product, address }) => void known.push({ uid, product, address }) },
    },
  );
  const agent = await startTestAgent(
    { agent: believing, onupgrade: believing, router: { default: targetsOf(servers) } },
    config,
  );
  const handedOff = () => readMetric(servers[0], 'handed_off{owners="two"}');
  for (;;) {
    const client = openClient(agent.url, transport, { query: { user: 'ann' }, extraHeaders: forged });
    await new Promise((resolve) => client.once('connect', () => resolve('')).once('connect_error', resolve));
    const { uid, product, address } = known.at(-1) ?? {};
    const what = { connected: client.connected, uid, product, address };
    if (client.connected && transport === 'upgrade' && client.io.engine.transport.name !== 'websocket')
      await new Promise((resolve) => client.io.engine.once('upgrade', resolve));
    if (!handOff) expect(await handedOff()).toBe(0);
    if (!handOff || (await handedOff()) === 1) return what;
    client.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.each([
  ['with secrets', [secret]],
  ['without secrets', []],
])('%s', (_, secrets) => {
  test.each(['websocket', 'upgrade'] as const)(
    'a client that forges headers gains nothing by a hand-off: %s',
    async (transport) => {
      const known = await whoIs(true, secrets, transport, []);
      expect(known).toEqual({ connected: true, uid: 'ann', product: 'default', address: '127.0.0.1' });
      expect(known).toEqual(await whoIs(false, secrets, transport, []));
    },
  );
});

test('behind a proxy that is trusted, the address is the one that the proxy forwards, as by the port', async () => {
  const known = await whoIs(true, [], 'websocket', ['127.0.0.0/8']);
  expect(known).toMatchObject({ connected: true, address: '203.0.113.9' });
  expect(known).toEqual(await whoIs(false, [], 'websocket', ['127.0.0.0/8']));
});
