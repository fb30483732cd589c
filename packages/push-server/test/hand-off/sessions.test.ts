import { once } from 'node:events';
import type { Socket } from 'node:net';
import { signatureHeader, signIdentity } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { readAdmin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';
import { headersOf } from './support/agent-headers.ts';
import { makeFolder, startFront } from './support/front.ts';
import { joinHall, publishNumbers } from './support/hall.ts';
import { connectRaw, frame } from './support/raw-client.ts';

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
    let news = 0;
    client.on('news', () => news++);
    const heard = nextEvent(client, 'news');
    await server.push.toRoom('hall', 'news', { text: 'x'.repeat(100_000) });
    expect(await heard).toMatchObject({ text: 'x'.repeat(100_000) });
    for (let n = 0; n < 20; n++) await server.push.toRoom('hall', 'news', n);
    await expect.poll(() => news).toBe(21);
    expect(addresses).toEqual(['192.0.2.7']);
    expect(front.handed).toHaveLength(1);
    expect(await readMetric(server, 'handed_off{owners="two"}')).toBe(1);
    expect(JSON.parse((await readAdmin(server, '/state')).text)).toMatchObject({
      handOff: { state: 'open', owners: { one: 0, two: 1 } },
    });
    client.disconnect();
    await expect.poll(() => front.ended).toHaveLength(1);
    expect(front.ended[0]).toMatchObject({ cause: 'client closed', code: 1005 });
    // CONNECT and one join; an ack for it, and what was published.
    expect(front.ended[0]?.messagesIn).toBeGreaterThanOrEqual(2);
    expect(front.ended[0]?.messagesOut).toBeGreaterThanOrEqual(22);
  },
);

test('its agent learns that a client has reset its connection', async () => {
  const { front } = await start();
  const client = await connectClient(front.url, 'websocket');
  expect(await client.emitWithAck('go:join', 'hall')).toMatchObject({ ok: true });
  const { ws } = client.io.engine.transport as unknown as { readonly ws: { readonly _socket: Socket } };
  ws._socket.resetAndDestroy();
  await expect.poll(() => front.ended).toMatchObject([{ cause: 'client reset', code: undefined }]);
});

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

test('a planned restart gives the connections on: the client notices nothing, and each message arrives once', async () => {
  const { servers, front } = await start(2, { pushServer: { drainMs: 5_000 } });
  const [first, second] = servers;
  const { client, heard, checkUndisturbed } = await joinHall(front.url);
  const numbers = publishNumbers(second as PushServer, 5);
  const unanswered = new Set<number>();
  let asked = 0;
  const ask = setInterval(() => {
    const one = asked++;
    unanswered.add(one);
    client.emit('go:join', `room-${one % 20}`, () => unanswered.delete(one));
  }, 3);
  await expect.poll(() => heard.length).toBeGreaterThan(20);
  await first?.close();
  await expect.poll(() => front.moved()).toBe(1);
  const seen = heard.length;
  await expect.poll(() => heard.length).toBeGreaterThan(seen + 20);
  await numbers.heardBy(heard);
  clearInterval(ask);
  await expect.poll(() => unanswered.size).toBe(0);
  checkUndisturbed();
});

test.each([1, 2, 4, 6, 15])(
  'a planned restart while %d bytes of a frame have come: the next push-server gets all of it',
  async (at) => {
    const { servers, front } = await start(2, { pushServer: { drainMs: 5_000 } });
    const { stream, heard, code } = await connectRaw(front.url);
    const event = frame('421["go:join","late"]');
    // The whole one before it has to be handled here.
    stream.write(Buffer.concat([frame('420["go:join","early"]'), event.subarray(0, at)]));
    await expect.poll(() => heard.filter((text) => text.startsWith('430'))).toHaveLength(1);
    await servers[0]?.close();
    await expect.poll(() => front.moved()).toBe(1);
    stream.write(event.subarray(at));
    await expect.poll(() => heard.find((text) => text.startsWith('431'))).toContain('"ok":true');
    expect(code()).toBeUndefined();
    expect(heard.filter((text) => text.startsWith('0{') || text.startsWith('40'))).toHaveLength(2);
    expect(Buffer.concat(front.left)).toHaveLength(at);
  },
);

test('a planned restart within an event whose attachments have not come cuts its client alone', async () => {
  const { servers, front } = await start(2, { pushServer: { drainMs: 1_000 } });
  const [within, other] = [await connectRaw(front.url), await connectRaw(front.url)];
  within.stream.write(frame('451-1["room",{"room":"hall","event":"e","message":{"_placeholder":true,"num":0}}]'));
  other.stream.write(frame('420["go:join","hall"]'));
  await expect.poll(() => other.heard.find((text) => text.startsWith('430'))).toBeDefined();
  await servers[0]?.close();
  await expect.poll(() => within.code()).toBe(1006);
  expect([front.moved(), other.code()]).toEqual([1, undefined]);
});
