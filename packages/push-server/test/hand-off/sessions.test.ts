import { once } from 'node:events';
import { signatureHeader, signIdentity } from '@gopush/contract';
import { silentLogger } from '@gopush/service';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { readAdmin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';
import { makeFolder, startFront } from './support/front.ts';

/** Headers as an agent adds them for a user. */
const headersOf = (uid: string, more: readonly string[] = []): string =>
  [
    `x-gopush-uid: ${uid}`,
    'x-gopush-product: default',
    'x-gopush-agent: front',
    'sec-gopush-vouched: 1',
    'x-gopush-can-resume: 1',
    'x-forwarded-for: 192.0.2.7',
    ...more,
  ]
    .map((line) => `${line}\r\n`)
    .join('');

async function start(count = 1, config: object = {}, headers = headersOf('ann')) {
  const dir = await makeFolder();
  const addresses: string[] = [];
  const servers = await startPushServers(
    count,
    { handOff: { enabled: true, dir }, admin: { serverPort: 0 }, ...config },
    {
      logger: silentLogger,
      hooks: {
        onConnect({ address }: { readonly address: string }) {
          addresses.push(address);
        },
      },
    },
  );
  const [first, second] = servers;
  const front = await startFront({
    dir,
    port: first?.port ?? 0,
    headers,
    ...(second === undefined ? {} : { next: () => second.port }),
  });
  return { servers, server: first as (typeof servers)[number], front, addresses, dir };
}

test.each(['websocket', 'upgrade'] as const)(
  'a client that begins with %s is served as by the port',
  async (transport) => {
    const { server, front, addresses } = await start();
    const client = await connectClient(front.url, transport);
    expect(await client.emitWithAck('go:join', 'hall')).toMatchObject({ ok: true });
    const heard = nextEvent(client, 'news');
    await server.push.toRoom('hall', 'news', { text: 'x'.repeat(100_000) });
    expect(await heard).toMatchObject({ text: 'x'.repeat(100_000) });
    expect(addresses).toEqual(['192.0.2.7']);
    expect(front.handed).toHaveLength(1);
    expect(await readMetric(server, 'handed_off{owners="two"}')).toBe(1);
    expect(JSON.parse((await readAdmin(server, '/state')).text)).toMatchObject({
      handOff: { state: 'open', owners: { one: 0, two: 1 } },
    });
    client.disconnect();
    await expect.poll(() => front.ended).toHaveLength(1);
    expect(front.ended[0]).toMatchObject({ cause: 'client closed', code: 1005 });
    expect(front.ended[0]?.messagesIn).toBeGreaterThanOrEqual(1);
    expect(front.ended[0]?.messagesOut).toBeGreaterThanOrEqual(1);
  },
);

const secret = 'a secret of at least 32 characters';

/** Headers of an agent with a secret, signed for an audience. */
function signed(uid: string, audience: string): string {
  const headers = {
    'x-gopush-uid': uid,
    'x-gopush-product': 'default',
    'x-gopush-agent': 'front',
    'x-request-id': '1',
  };
  const signature = signIdentity(secret, headers, Date.now() + 60_000, audience);
  return headersOf(uid, ['x-request-id: 1', `${signatureHeader}: ${signature}`]);
}

async function whatHappens(url: string): Promise<string> {
  const client = openClient(url, 'websocket');
  return new Promise((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.once('connect_error', (error) =>
      resolve((error as { data?: { code?: string } }).data?.code ?? error.message),
    );
  });
}

test('with secrets, an identity is believed only if an agent has signed it for this push-server', async () => {
  const config = { access: { secrets: [secret] } };
  expect(await whatHappens((await start(1, config, signed('ann', 'push-server'))).front.url)).toBe('connected');
  expect(await whatHappens((await start(1, config, headersOf('ann'))).front.url)).toBe('identity_unsigned');
  expect(await whatHappens((await start(1, config, signed('ann', 'other.internal'))).front.url)).toBe(
    'identity_unsigned',
  );
});

test('a client that sends the mark of an agent is closed, as by an agent', async () => {
  const { front } = await start();
  const client = new WebSocket(`${front.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  await once(client, 'open');
  client.pong('gopush:quiet');
  const [code] = await once(client, 'close');
  expect(code).toBe(1008);
});
