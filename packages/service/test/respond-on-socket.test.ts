import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { respondOnSocket } from '../src/index.ts';

const response = { status: 430, headers: { 'x-gopush-error': 'uid_missing' }, body: 'né\n' };

/** A connection: the end that responds, and the client. */
async function openConnection(): Promise<{ socket: Socket; client: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  client.on('error', () => {});
  const [socket] = (await accepted) as [Socket];
  onTestFinished(() => {
    client.destroy();
    socket.destroy();
  });
  return { socket, client };
}

test('a response is framed, and its connection closed although the client keeps its side open and sends on', async () => {
  const { socket, client } = await openConnection();
  client.write('x'.repeat(1_000_000));
  let text = '';
  client.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const ended = Promise.all([once(socket, 'close'), once(client, 'end')]);
  respondOnSocket(socket, response);
  await ended;
  expect(text).toBe(
    'HTTP/1.1 430 Unidentified\r\nx-gopush-error: uid_missing\r\ncontent-length: 4\r\nconnection: close\r\n\r\nné\n',
  );
});

test('a connection that fails while it is responded to throws nothing', async () => {
  const { socket, client } = await openConnection();
  client.resetAndDestroy();
  const closed = once(socket, 'close');
  respondOnSocket(socket, response);
  await closed;
  respondOnSocket(socket, response);
  expect(socket.destroyed).toBe(true);
});
