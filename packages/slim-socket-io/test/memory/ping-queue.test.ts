import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Server } from 'socket.io';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineConnection } from '../../src/internals/private-names.ts';
import { PingQueue } from '../../src/memory/ping-queue.ts';
import { slimSocketIo } from '../../src/slim-socket-io.ts';

const [pingInterval, pingTimeout] = [60, 1_000];
const ping = Buffer.from([0x81, 1, 0x32]);
const pong = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x33]);
const event = Buffer.concat([Buffer.from([0x81, 0x87, 0, 0, 0, 0]), Buffer.from('42["a"]')]);

/** Whether a server has one timer for all pings, or those of Engine.IO, both behave the same. */
const kinds = [[{ memory: true }], [{ memory: false }]] as const;

async function startServer(options: { readonly memory: boolean }) {
  const http = createServer();
  const io = new Server(http, { pingInterval, pingTimeout, allowEIO3: true });
  slimSocketIo(io, options);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => io.close());
  return { io, port: (http.address() as AddressInfo).port };
}

type Running = Awaited<ReturnType<typeof startServer>>;

/** A client that is in the main namespace, and does nothing by itself. */
async function join({
  io,
  port,
}: Running): Promise<{ client: Socket; ended: Promise<string>; pinged(): Promise<void> }> {
  const client = connect(port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  client.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(client, 'data');
  let pings = 0;
  client.on('data', (bytes) => {
    if (bytes.includes(ping)) pings++;
  });
  const arrived = once(io, 'connection');
  client.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
  const [socket] = await arrived;
  const pinged = async (): Promise<void> => {
    while (pings === 0) await once(client, 'data');
    pings--;
  };
  return { client, ended: once(socket, 'disconnect').then(([reason]) => reason), pinged };
}

test.each(kinds)('clients that answer are pinged again and again, each in its time: %o', async (options) => {
  const server = await startServer(options);
  const clients = [await join(server), await join(server), await join(server)];
  await Promise.all(
    clients.map(async ({ client, pinged }, at) => {
      for (let turn = 0; turn < 4; turn++) {
        await pinged();
        const answered = performance.now();
        // They answer one after the other, and later in each turn.
        await new Promise((resolve) => setTimeout(resolve, 10 * at));
        client.write(pong);
        if (turn > 0) continue;
        await pinged();
        expect(performance.now() - answered).toBeGreaterThanOrEqual(pingInterval + 10 * at - 10);
        client.write(pong);
      }
    }),
  );
  expect(server.io.engine.clientsCount).toBe(3);
});

test.each(kinds)(
  'a client that does not answer is closed, and another message gives it more time once: %o',
  async (options) => {
    const server = await startServer(options);
    const [silent, busy] = [await join(server), await join(server)];
    await busy.pinged();
    await new Promise((resolve) => setTimeout(resolve, pingTimeout / 3));
    busy.client.write(event);
    const saidAt = performance.now();
    expect(await silent.ended).toBe('ping timeout');
    expect(server.io.engine.clientsCount).toBe(1);
    expect(await busy.ended).toBe('ping timeout');
    expect(performance.now() - saidAt).toBeGreaterThan(pingTimeout - 10);
  },
);

/** A connection that counts its pings. */
function connectionOf(pings: string[], name: string) {
  let close = (): void => {};
  const connection = {
    pingIntervalTimer: setTimeout(() => pings.push('timer of Engine.IO'), pingInterval),
    hasRefreshedPingTimeout: true,
    sendPacket(type: string) {
      pings.push(`${type} ${name}`);
      if (name === 'throws') throw new Error('of a listener');
    },
    resetPingTimeout() {
      if (this.hasRefreshedPingTimeout) pings.push('the wait cannot be lengthened');
    },
    on(_: 'close', listener: () => void) {
      close = listener.bind(connection);
    },
  };
  return { connection: connection as unknown as EngineConnection, close: () => close() };
}

/** Timers that keep this process alive. */
function countTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

test('many connections have one timer, and none when all have closed', () => {
  const before = countTimers();
  const queue = new PingQueue(60_000);
  const all = Array.from({ length: 20 }, (_, at) => connectionOf([], String(at)));
  expect(countTimers()).toBe(before + 20);
  for (const { connection } of all) queue.take(connection);
  expect(countTimers()).toBe(before + 1);
  // From the middle, the end and the beginning.
  for (const at of [7, 8, 19, 0]) all[at]?.close();
  expect(countTimers()).toBe(before + 1);
  for (const { close } of all) close();
  expect(countTimers()).toBe(before);
});

test('a listener that throws costs no other client its ping, and a client that has closed is not pinged', async () => {
  const queue = new PingQueue(pingInterval);
  const pings: string[] = [];
  const all = ['throws', 'closed', 'a', 'b'].map((name) => ({ name, ...connectionOf(pings, name) }));
  const thrown = new Promise((resolve) => process.prependOnceListener('uncaughtException', resolve));
  const others = process.listeners('uncaughtException').slice(1);
  for (const other of others) process.off('uncaughtException', other);
  onTestFinished(() => {
    for (const other of others) process.on('uncaughtException', other);
  });
  for (const { connection } of all) queue.take(connection);
  all[1]?.close();
  expect(await thrown).toMatchObject({ message: 'of a listener' });
  while (pings.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(pings).toEqual(['ping throws', 'ping a', 'ping b']);
});
