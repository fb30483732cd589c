import type { PushServer } from '@gopush/push-server';
import { io as of48, type Socket } from 'socket.io-client';
import of2 from 'socket.io-client-2';
import { io as of3 } from 'socket.io-client-3';
import { io as of45 } from 'socket.io-client-4.5';
import { io as of47 } from 'socket.io-client-4.7';
import { describe, expect, onTestFinished, test } from 'vitest';
import { believing, startTestAgent } from '../support/gateway.ts';
import { isLong } from '../support/long.ts';
import { hear, startNodes } from '../support/nodes.ts';
import { nextEvent } from '../support/socket-io.ts';

type Connect = typeof of48;

/** Versions of clients that are in use, and what each notices of a planned restart over WebSocket. */
const clients = {
  '2.5.0': { connect: of2, restart: 'reconnects' },
  '3.1.3': { connect: of3, restart: 'unnoticed' },
  '4.5.4': { connect: of45, restart: 'unnoticed' },
  '4.7.5': { connect: of47, restart: 'unnoticed' },
  '4.8.4': { connect: of48, restart: 'unnoticed' },
} as const;

const ways = {
  websocket: ['websocket'],
  polling: ['polling'],
  'polling and upgrade': ['polling', 'websocket'],
} as const;

/** The oldest and the newest go each way in the usual run, each between them one way: all speak the protocol of the newest. */
const usualWay: Partial<Record<keyof typeof clients, keyof typeof ways>> = {
  '3.1.3': 'polling and upgrade',
  '4.5.4': 'websocket',
  '4.7.5': 'polling',
};

const cases = (Object.keys(clients) as (keyof typeof clients)[]).flatMap((version) =>
  (Object.keys(ways) as (keyof typeof ways)[])
    .filter((way) => isLong || (usualWay[version] ?? way) === way)
    .map((way) => [version, way] as const),
);

interface Answer {
  readonly ok: boolean;
  readonly joined?: readonly { readonly room: string; readonly recovered?: boolean }[];
}

/** Asks, and resolves with the answer: `emitWithAck` is younger than some of these clients. */
function ask<T = Answer>(client: Socket, event: string, ...args: unknown[]): Promise<T> {
  return new Promise((resolve) => void client.emit(event, ...args, resolve));
}

function setUp({ io }: PushServer): void {
  io.on('connection', (socket) => {
    socket.on('echo', (value: unknown, ack: (value: unknown) => void) => ack(value));
    socket.on('send me', (value: unknown) => {
      socket.emit('here', value);
      socket.emit('question', value, (answer: unknown) => socket.emit('answered', answer));
    });
  });
}

/** An agent before a push-server that can be restarted, and another one that speaks. */
async function start(version: keyof typeof clients, way: keyof typeof ways) {
  const nodes = await startNodes('embedded store');
  const settings = { drainMs: 5_000, allowEIO3: true, path: '/realtime' };
  const startOne = async (): Promise<PushServer> => {
    const server = await nodes.start(settings);
    setUp(server);
    return server;
  };
  let live = await startOne();
  const speaker = await nodes.start(settings);
  const agent = await startTestAgent(
    { agent: believing, router: { default: () => [{ ip: '127.0.0.1', port: live.port }] } },
    { pushServer: { path: '/realtime' } },
  );
  const client: Socket = (clients[version].connect as unknown as Connect)(agent.url, {
    path: '/realtime',
    transports: [...ways[way]],
    forceNew: true,
    reconnectionDelay: 20,
    reconnectionDelayMax: 50,
    query: { user: 'ann' },
  });
  onTestFinished(() => void client.disconnect());
  await nextEvent(client, 'connect');
  const { engine } = client.io;
  if (way === 'polling and upgrade' && engine.transport.name !== 'websocket') {
    await new Promise((resolve) => engine.once('upgrade', resolve));
  }
  return {
    client,
    speaker,
    server: () => live,
    async restart() {
      const old = live;
      live = await startOne();
      await old.close();
    },
  };
}

describe.each(cases)('socket.io-client %s by %s through an agent', (version, way) => {
  test('joins, publishes, hears, acknowledges and sends binary data', async () => {
    const { client, speaker, server } = await start(version, way);
    expect(server().io.sockets.sockets.size).toBe(1);
    expect(await ask(client, 'go:join', 'den')).toMatchObject({ ok: true, joined: [{ room: 'den' }] });
    const heard = hear(client, 'chat');
    await speaker.push.toRoom('den', 'chat', { n: 1 });
    await heard.count(1);
    expect(
      await ask(client, 'go:publish', { room: 'den', event: 'chat', message: { n: 2 }, echo: true }),
    ).toMatchObject({ ok: true });
    await speaker.push.toUser('ann', 'chat', { n: 3 });
    await speaker.push.toRoom('den', 'chat', Buffer.from([1, 2, 3]));
    expect((await heard.count(4)).map((one) => (one instanceof Uint8Array ? [...one] : one))).toEqual(
      expect.arrayContaining([{ n: 1 }, { n: 2 }, { n: 3 }, [1, 2, 3]]),
    );

    expect(await ask(client, 'echo', 'é'.repeat(100))).toBe('é'.repeat(100));
    const parts = await ask<{ deep: [Uint8Array, Uint8Array] }>(client, 'echo', {
      deep: [Buffer.from([0, 255]), Buffer.alloc(0)],
    });
    expect(parts.deep.map((part) => [...part])).toEqual([[0, 255], []]);

    client.on('question', (value: Uint8Array, answer: (value: unknown) => void) => answer({ back: value }));
    const here = nextEvent<Uint8Array>(client, 'here');
    const answered = nextEvent<{ back: Uint8Array }>(client, 'answered');
    client.emit('send me', Buffer.from('binary'));
    expect(String(await here)).toBe('binary');
    expect(String((await answered).back)).toBe('binary');
  });

  test('loses and doubles nothing over a planned restart, where it joins again from its last mark', async () => {
    const { client, speaker, restart, server } = await start(version, way);
    let last = '';
    client.on('go:mark', (mark: string) => {
      last = mark;
    });
    let disconnects = 0;
    let connects = 0;
    client.on('disconnect', () => disconnects++);
    const rejoined = new Promise<Answer>((resolve) => {
      client.on('connect', () => {
        connects++;
        const [, epoch, offset] = /^(.*)\.(\d+)~$/.exec(last) ?? [];
        if (client.recovered === true) resolve({ ok: true });
        else resolve(ask(client, 'go:join', { room: 'den', epoch, after: Number(offset) }));
      });
    });
    const heard = hear<number>(client, 'n');
    await ask(client, 'go:join', 'den');
    let said = 0;
    let going = true;
    const speak = (async () => {
      while (going) {
        await speaker.push.toRoom('den', 'n', said++);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    await heard.has(3);
    await restart();
    const isUnnoticed = way !== 'polling' && clients[version].restart === 'unnoticed';
    if (!isUnnoticed) expect(await rejoined).not.toMatchObject({ joined: [{ recovered: false }] });
    const since = said;
    await heard.has(since + 2);
    going = false;
    await speak;
    await heard.has(said - 1);
    const lost = Array.from({ length: said }, (_, n) => n).filter((n) => !heard.all.includes(n));
    expect({ lost, doubled: heard.all.length - new Set(heard.all).size, disconnects, connects }).toEqual({
      lost: [],
      doubled: 0,
      disconnects: isUnnoticed ? 0 : 1,
      connects: isUnnoticed ? 0 : 1,
    });
    expect(server().io.sockets.sockets.size).toBe(1);
  });
});
