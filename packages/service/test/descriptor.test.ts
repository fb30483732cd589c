import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { readNow, writeNow } from '../src/descriptor.ts';

/** Both ends of a connection over TCP; the one that accepted it reads nothing. */
async function connectPair(): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [peer] = await accepted;
  onTestFinished(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return { socket, peer };
}

test('bytes are written at once, and only as many as are meant', async () => {
  const { socket, peer } = await connectPair();
  expect(writeNow(socket, Buffer.from('hello, and no more'), 5)).toBe(5);
  socket.end();
  let text = '';
  for await (const chunk of peer) text += chunk;
  expect(text).toBe('hello');
});

test('a full kernel takes what it can, and nothing is written past bytes that wait in the socket', async () => {
  const { socket } = await connectPair();
  const bytes = Buffer.alloc(1_000_000);
  let taken = writeNow(socket, bytes, bytes.length);
  while (taken === bytes.length) taken = writeNow(socket, bytes, bytes.length);
  expect(taken).toBeLessThan(bytes.length);
  expect(writeNow(socket, bytes, bytes.length)).toBe(0);
  socket.write('waits');
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(writeNow(socket, Buffer.from('overtakes'), 9)).toBe(0);
});

test('nothing is written to a TLS socket, which has the descriptor of the connection below it', async () => {
  const { socket } = await connectPair();
  const secured = new TLSSocket(socket);
  onTestFinished(() => void secured.destroy());
  secured.on('error', () => {});
  expect(writeNow(secured, Buffer.from('plain'), 5)).toBe(0);
  expect(secured.writable).toBe(true);
});

test('a destroyed socket takes and gives nothing', async () => {
  const { socket } = await connectPair();
  socket.destroy();
  expect(writeNow(socket, Buffer.from('late'), 4)).toBe(0);
  expect(readNow(socket, Buffer.alloc(10))).toBe(0);
});

test('bytes that have come are read at once, and none are none', async () => {
  const { socket, peer } = await connectPair();
  const into = Buffer.alloc(100);
  expect(readNow(peer, into)).toBe(0);
  socket.write('here');
  let length = 0;
  while (length === 0) {
    await new Promise(setImmediate);
    length = readNow(peer, into);
  }
  expect(into.subarray(0, length).toString()).toBe('here');
});
