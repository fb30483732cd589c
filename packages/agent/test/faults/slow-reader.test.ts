import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw } from '../support/client.ts';
import { createSignal, openSilentReader, startSeeingTarget } from '../support/wire.ts';

/** More than all buffers of the kernel on the way, and small enough to wait for. */
const size = 64 * 1024 * 1024;
const block = Buffer.alloc(256 * 1024, '~');

/** What fits into the queues of the kernel and of Node between one end and the other; far more would be a queue without a bound. */
const mostOnTheWay = 24 * 1024 * 1024;

/** Writes until nothing has been taken for many turns of the event loop. */
async function writeUntilStuck(socket: Socket): Promise<number> {
  let sent = 0;
  for (let stuck = 0; stuck < 3_000 && sent < size; ) {
    if (!socket.writableNeedDrain) {
      socket.write(block);
      sent += block.length;
      stuck = 0;
    } else {
      stuck++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return sent;
}

async function writeRest(socket: Socket, from: number): Promise<void> {
  for (let sent = from; sent < size; sent += block.length) {
    if (!socket.write(block)) await once(socket, 'drain');
  }
}

/** How many bytes of a chunk are those of the blocks. Most chunks are nothing else: these are compared as a whole, in a tenth of the time. */
function countContent(chunk: Buffer): number {
  if (chunk.equals(block.subarray(0, chunk.length))) return chunk.length;
  let count = 0;
  for (const byte of chunk) if (byte === 0x7e) count++;
  return count;
}

test('a big answer for a client that does not read waits at the target, and arrives whole when it reads', async () => {
  const stuck = createSignal<number>();
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', async () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const sent = await writeUntilStuck(socket);
      stuck.resolve(sent);
      await writeRest(socket, sent);
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const client = await openSilentReader(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(await stuck.promise).toBeLessThan(mostOnTheWay);
  let bytes = 0;
  client.on('data', (chunk) => {
    bytes += chunk.length;
  });
  client.resume();
  await once(client, 'close');
  expect(bytes).toBeGreaterThan(size);
});

test.each([
  ['with a length', `Content-Length: ${size}\r\n\r\n`],
  ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`],
])(
  'a big upload %s for a target that does not read waits at the client, and arrives whole when it reads',
  async (_name, rest) => {
    const accepted = createSignal<Socket>();
    // Nothing is read here until it is told to.
    const server = createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address() as { port: number };
    const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port: address.port } }), {
      agent: { answerTimeoutMs: 600_000 },
    });
    const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    const socket = await accepted.promise;
    const sent = await writeUntilStuck(raw.socket);
    expect(sent).toBeLessThan(mostOnTheWay);
    let content = 0;
    socket.on('data', (chunk: Buffer) => {
      content += countContent(chunk);
      // The last chunk, which is empty, may come apart from the content.
      if (content >= size && !socket.writableEnded) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone');
    });
    socket.resume();
    await writeRest(raw.socket, sent);
    if (rest.startsWith('Transfer')) raw.socket.write('\r\n0\r\n\r\n');
    await raw.until(/done$/);
    socket.destroy();
    server.close();
  },
);

test('a client that does not read and goes away frees the target that waits for it', async () => {
  const stuck = createSignal<number>();
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', async () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      stuck.resolve(await writeUntilStuck(socket));
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const client = await openSilentReader(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const { gone } = await coming;
  await stuck.promise;
  client.resetAndDestroy();
  await gone;
});
