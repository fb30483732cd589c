import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import {
  addToUpgradeResponse,
  holdUpgradeResponse,
  sendUpgradeResponse,
} from '../../src/writing/hold-upgrade-response.ts';
import { Outlet } from '../../src/writing/outlet.ts';

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** A connection of a server, with what its client gets, chunk by chunk. */
async function start() {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  open.push(client, socket);
  const chunks: string[] = [];
  client.on('data', (chunk) => chunks.push(String(chunk)));
  const until = async (text: string): Promise<void> => {
    while (!chunks.join('').includes(text)) await once(client, 'data');
  };
  const account = { _bufferedBytes: 0 };
  const told: string[] = [];
  const owner = { onBehind: () => told.push('behind'), onCaughtUp: () => told.push('caught up') };
  const outletOf = (): Outlet => {
    const outlet = new Outlet(socket, account, owner);
    addToUpgradeResponse(socket, outlet);
    return outlet;
  };
  return { client, socket, chunks, until, outletOf, account, told };
}

test('the response to an upgrade, and all that comes before it is sent, leave in one write, in order', async () => {
  const { socket, chunks, until, outletOf, account, told } = await start();
  holdUpgradeResponse(socket, 10_000);
  socket.write('101.');
  const outlet = outletOf();
  // The connection above it writes as if the client kept up.
  expect(outlet.ready).toBe(true);
  outlet.write('opening.');
  await new Promise(setImmediate);
  outlet.hold(Buffer.from('event.'));
  await new Promise(setImmediate);
  expect([chunks, account._bufferedBytes, told]).toEqual([[], 14, []]);
  sendUpgradeResponse(socket);
  outlet.write('more.');
  await until('more.');
  expect(chunks[0]).toMatch(/^101\.opening\.event\./);
  expect(chunks.join('')).toBe('101.opening.event.more.');
  await expect.poll(() => [outlet.ready, told.at(-1)]).toEqual([true, 'caught up']);
  sendUpgradeResponse(socket);
});

test('an answer leaves after its time, and with the end of the connection', async () => {
  const late = await start();
  holdUpgradeResponse(late.socket, 5);
  late.socket.write('101.');
  late.outletOf().write('opening.');
  await late.until('101.opening.');

  const ended = await start();
  holdUpgradeResponse(ended.socket, 10_000);
  ended.socket.end('503.');
  await once(ended.client, 'end');
  expect(ended.chunks).toEqual(['503.']);
  sendUpgradeResponse(ended.socket);
});

test('more than is held back leaves in order as well', async () => {
  const { socket, chunks, until, outletOf } = await start();
  holdUpgradeResponse(socket, 10_000);
  socket.write('101.');
  const outlet = outletOf();
  const big = 'b'.repeat(70_000);
  outlet.write('a');
  outlet.write(big);
  outlet.write('c', () => {});
  sendUpgradeResponse(socket);
  await until('c');
  expect(chunks.join('')).toBe(`101.a${big}c`);
});

test('connections of other kinds are left alone', () => {
  const other = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  holdUpgradeResponse(other, 10_000);
  expect(other.writableCorked).toBe(0);
});
