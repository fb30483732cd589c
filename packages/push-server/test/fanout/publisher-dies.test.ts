import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { apiConfig, call, startApis } from '../../../../test/support/api.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

const program = new URL('../programs/from-config.mjs', import.meta.url).pathname;

/**
 * A way to Redis on which what is published can be held up: nothing more passes on a connection that carries such a
 * command, as with a process that dies before it has written it.
 */
async function startHoldingWire(port: number) {
  const sockets = new Set<Socket>();
  const wire = { port: 0, holds: false, held: 0, release: () => {} };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket
        .setNoDelay(true)
        .on('error', () => {})
        .on('close', () => other.destroy());
    }
    far.pipe(near);
    near.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (wire.holds && /\bpublish\r/i.test(text) && /kept|inbox/.test(text)) {
        near.pause();
        wire.held++;
      } else far.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  wire.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return wire;
}

interface Kind {
  readonly path: string;
  readonly body: object;
}

const kinds: Readonly<Record<string, Kind>> = {
  'to a user': { path: '/users/ann', body: { event: 'news', message: 1, id: 'one' } },
  'to an inbox': { path: '/users/ann', body: { event: 'news', message: 1, id: 'one', deliver: 'store' } },
  'to a room': { path: '/rooms/den', body: { event: 'news', message: 1, id: 'one' } },
};

test.each(Object.entries(kinds).map(([name, kind]) => ({ name, ...kind })))(
  'a message $name is not called sent while only its publisher knows of it: if that dies, the retry delivers it',
  async ({ path, body }) => {
    const { port } = await startRedis();
    const [one] = await startApis(1, { redisAdapter: { port } });
    if (one === undefined) throw new Error('no push-server');
    const wire = await startHoldingWire(port);
    const config = { api: apiConfig, redisAdapter: { port: wire.port }, serverPortStart: 0, admin: null };
    const other = spawn(process.execPath, [program, JSON.stringify(config), 'other'], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    onTestFinished(() => void other.kill('SIGKILL'));
    const [otherPort] = await once(other, 'message');
    const ann = await connectClient(one.url, 'websocket', { query: { uid: 'ann' } });
    const heard: unknown[] = [];
    ann.on('news', (message) => heard.push(message?.message ?? message));
    ann.on('go:inbox', ({ message }) => heard.push(message));
    await ann.emitWithAck('go:join', 'den');

    wire.holds = true;
    const response = call({ url: `http://127.0.0.1:${otherPort}` }, `POST ${path}/publish`, body).then(
      ({ status }) => status,
      () => 'none',
    );
    await expect.poll(() => wire.held).toBe(1);
    expect(await Promise.race([response, delay(100, 'not yet')])).toBe('not yet');
    other.kill('SIGKILL');
    expect(await response).toBe('none');
    expect(heard).toEqual([]);

    expect((await call(one, `POST ${path}/publish`, body)).status).toBe(200);
    await expect.poll(() => heard).toEqual([1]);
  },
);
