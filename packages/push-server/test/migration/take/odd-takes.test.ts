import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  canMigrateHeader,
  chosenPong,
  keepsTokenBefore,
  lastPositionsHeader,
  sessionTokenHeader,
} from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startPushServers } from '../../../../../test/support/gateway.ts';
import { startRedis } from '../../../../store/test/support/redis.ts';

/** A connection of an agent. */
function connect(url: string, headers: Record<string, string>) {
  const ofAgent = { 'x-gopush-uid': 'ann', 'x-gopush-product': 'default', 'x-gopush-agent': 'front' };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, {
    headers: { ...ofAgent, 'sec-gopush-vouched': '1', ...headers },
    perMessageDeflate: false,
  });
  // Of one that was refused.
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(String(data)));
  const hears = (pattern: RegExp) =>
    expect.poll(() => heard.find((text) => pattern.test(text)), { timeout: 10_000 }).toBeDefined();
  const upgraded = once(socket, 'upgrade') as Promise<[IncomingMessage]>;
  upgraded.catch(() => {});
  const outcome = new Promise<number | undefined>((resolve) => {
    for (const event of ['upgrade', 'unexpected-response'])
      socket.once(event, (...args: IncomingMessage[]) => resolve(args.at(-1)?.statusCode));
  });
  return { socket, heard, hears, upgraded, outcome };
}

/** The headers by which the next push-server is asked for the session of a connection. */
async function nameOf({ upgraded, heard }: ReturnType<typeof connect>): Promise<Record<string, string>> {
  const [{ headers }] = await upgraded;
  // The position of the response by which it has entered a namespace.
  const position = /"mark":"([^"]*)/.exec(heard.find((text) => text.startsWith('40')) ?? '')?.[1] ?? '';
  return { [sessionTokenHeader]: String(headers[sessionTokenHeader]), [lastPositionsHeader]: position };
}

test.each([
  ['forgets its token', '1'],
  ['keeps its token', keepsTokenBefore],
])(
  'a session that is taken on three connections at once continues on one of them, and not on the others: its agent %s',
  async (_name, mark) => {
    const redis = await startRedis();
    const servers = await startPushServers(2, { redisAdapter: { port: redis.port } });
    const [first, second] = servers as [PushServer, PushServer];
    const before = connect(first.url, { [canMigrateHeader]: mark });
    await before.upgraded;
    before.socket.send('40');
    await before.hears(/^40/);
    before.socket.send('421["go:join","room"]');
    await before.hears(/^431/);
    const name = await nameOf(before);
    // The session is read for all of them before any continues.
    redis.pause();
    const takes = Array.from({ length: 3 }, () => connect(second.url, { [canMigrateHeader]: mark, ...name }));
    await expect.poll(() => openConnections(second)).toBe(3);
    redis.resume();
    const outcomes = await Promise.all(takes.map(({ outcome }) => outcome));
    expect(outcomes.toSorted()).toEqual([101, 503, 503]);
    const one = takes[outcomes.indexOf(101)] as (typeof takes)[number];
    await one.hears(/^6/);
    one.socket.pong(chosenPong);
    one.socket.send('422["go:join","other"]');
    await one.hears(/^432/);
    await second.push.toRoom('room', 'news', 'for ann');
    await one.hears(/"for ann"/);
    expect(second.io.of('/').sockets.size).toBe(1);
  },
);

test('a session that cannot continue in a namespace leaves no socket there', async () => {
  let mayEnter = (): void => {};
  let entering = Promise.resolve();
  const events: unknown[] = [];
  const [first, second] = (await startPushServers(
    2,
    {},
    {
      setup(io) {
        const namespaces = io.of((_name, _auth, next) => void entering.then(() => next(null, true)));
        namespaces.on('connection', (socket) => socket.on('disconnect', (reason) => events.push(reason)));
      },
    },
  )) as [PushServer, PushServer];
  const before = connect(first.url, { [canMigrateHeader]: keepsTokenBefore });
  await before.upgraded;
  before.socket.send('40/dynamic,');
  await before.hears(/^40\/dynamic/);
  const name = await nameOf(before);
  entering = new Promise((resolve) => {
    mayEnter = resolve;
  });
  const take = connect(second.url, { [canMigrateHeader]: keepsTokenBefore, ...name });
  await expect.poll(() => take.outcome).toBe(101);
  const closed = once(take.socket, 'close');
  // Its session is in no room by which the client could be found.
  second.push.disconnectUser('ann');
  mayEnter();
  await closed;
  await expect.poll(() => events).toEqual(['migrated']);
  expect(second.io.of('/dynamic').sockets.size).toBe(0);
});

/** How many connections a push-server has, as Node counts them. */
function openConnections({ io }: PushServer): number {
  return (io.httpServer as unknown as { readonly _connections: number })._connections;
}
