import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createTarget } from '@gopush/contract';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { handsOver } from '../../../../test/support/hands-over.ts';
import { adopt, carryTo, connectCarrying, writeChunk } from '../../src/target/shared-buffer-io.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, openUnkept, sampleAnswer } from '../support/client.ts';
import { startEchoTarget, startRawTarget } from '../support/target.ts';

/** A target that upgrades, then does as it is told. */
async function startUpgradingTarget(then: (socket: Socket) => void) {
  return startRawTarget((socket) => {
    // Of a client that was gone before it was asked for.
    const onEnd = (): void => void socket.end();
    socket.once('end', onEnd).once('data', () => {
      socket.off('end', onEnd).write(sampleAnswer);
      then(socket);
    });
  });
}

async function openTunnel(port: number) {
  const raw = await openRaw(port, handshakeBytes('/'));
  await raw.until(/\r\n\r\n/);
  return raw;
}

test('any bytes, cut anywhere, come out of the tunnel as they went in, WebSocket or not', async () => {
  const target = await startUpgradingTarget((socket) => socket.pipe(socket));
  const agent = await startTestAgent(hooksTo({ default: target }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), { maxLength: 20 }), async (chunks) => {
      const raw = await openRaw(agent.port, handshakeBytes('/'));
      const head = await raw.until(/[\s\S]*?\r\n\r\n/);
      for (const chunk of chunks) {
        raw.socket.write(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      raw.socket.end();
      const text = await raw.closed();
      expect(Buffer.from(text.slice(head[0].length), 'latin1').equals(Buffer.concat(chunks))).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('100 MB to a reader that is slow, and back from one: every byte right, and memory bounded', {
  timeout: 60_000,
}, async () => {
  const size = 100 * 1024 * 1024;
  const block = randomBytes(1024 * 1024);
  const expected = createHash('sha1');
  for (let sent = 0; sent < size; sent += block.length) expected.update(block);
  const wanted = expected.digest('hex');
  /** Reads a piece, rests until the event loop has gone round a few times, and so on. */
  const readSlowly = async (socket: Socket): Promise<string> => {
    const hash = createHash('sha1');
    let bytes = 0;
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (bytes === size) break;
    }
    return hash.digest('hex');
  };
  const sendAll = async (socket: Socket): Promise<void> => {
    for (let sent = 0; sent < size; sent += block.length) {
      if (!socket.write(block)) await once(socket, 'drain');
    }
  };
  let atTarget: Promise<string> | undefined;
  const target = await startRawTarget((socket) => {
    socket.once('data', () => {
      socket.write(sampleAnswer);
      atTarget = readSlowly(socket).then((hash) => {
        socket.write(hash);
        return hash;
      });
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openTunnel(agent.port);
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  onTestFinished(() => clearInterval(watch));
  await sendAll(raw.socket);
  await raw.until(new RegExp(wanted));
  expect(await atTarget).toBe(wanted);
  // Sender, agent and receiver are all in this process.
  expect((most - before) / size).toBeLessThan(0.8);
});

test('a descriptor that is closed and given to another connection never gets bytes of the first', async () => {
  const received = new Map<Socket, string>();
  const server = createServer((socket) => {
    received.set(socket, '');
    socket.on('data', (chunk) => received.set(socket, received.get(socket) + chunk.toString())).on('error', () => {});
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const first = connectCarrying(createTarget('127.0.0.1', port));
  await once(first, 'connect');
  first.on('error', () => {});
  const fd = (first as unknown as { _handle: { fd: number } })._handle.fd;
  writeChunk(first, Buffer.from('written while open'), 18);
  const closed = once(first, 'close');
  first.destroy();
  await closed;
  const others = Array.from({ length: 20 }, () => connectCarrying(createTarget('127.0.0.1', port)));
  await Promise.all(others.map((other) => once(other, 'connect')));
  const fds = others.map((other) => (other as unknown as { _handle: { fd: number } })._handle.fd);
  // The danger is real: one of them has the descriptor that the first had.
  expect(fds).toContain(fd);
  writeChunk(first, Buffer.from('secret of the first'), 19);
  for (const other of others) other.end('own');
  await expect.poll(() => [...received.values()].filter((text) => text === 'own').length).toBe(20);
  expect([...received.values()].join('')).not.toMatch(/secret/);
  for (const other of others) other.destroy();
});

test('a connection that is given over keeps what was read before, and leaves the count of its server', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('early');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  accepted.read(0);
  await once(accepted, 'readable');
  const { socket, early } = adopt(accepted);
  expect(Buffer.concat(early).toString()).toBe('early');
  const counted = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  expect(counted).toBe(0);
  const got = new Promise<string>((resolve) => {
    carryTo(socket, {
      onChunk(chunk, length) {
        resolve(chunk.toString('latin1', 0, length));
        return true;
      },
      onFault() {},
    });
  });
  client.write('late');
  expect(await got).toBe('late');
  socket.destroy();
  client.destroy();
});

// A client that was handed over stays with its target.
test.skipIf(handsOver)('a stop closes tunnels with 1012, within its time', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), {
    agent: { drainMs: 300, closePerSecond: 100 },
  });
  const sockets = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const socket = new WebSocket(agent.url);
      await once(socket, 'message');
      return socket;
    }),
  );
  const codes = Promise.all(sockets.map(async (socket) => (await once(socket, 'close'))[0]));
  await agent.close();
  expect(await codes).toEqual(Array(10).fill(1012));
});

test.skipIf(handsOver)(
  'a client that goes on talking while its tunnel is closed still gets the close frame',
  async () => {
    const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), { agent: { drainMs: 500 } });
    const socket = new WebSocket(agent.url);
    await once(socket, 'message');
    const talking = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('x'.repeat(1_000)), 1);
    onTestFinished(() => clearInterval(talking));
    const closed = once(socket, 'close');
    await agent.close();
    expect((await closed)[0]).toBe(1012);
  },
);

test('a tunnel in which nothing moves, or that is too old, is closed', async () => {
  const target = await startEchoTarget();
  const idle = await startTestAgent(hooksTo({ default: target }), { agent: { tunnelIdleMs: 1_000 } });
  const old = await startTestAgent(hooksTo({ default: target }), { agent: { tunnelMaxAgeMs: 1_000 } });
  const codes = await Promise.all([idle, old].map(async (agent) => (await once(new WebSocket(agent.url), 'close'))[0]));
  expect(codes).toEqual([1001, 1012]);
});

/** Connections of the soak: `GOPUSH_CHAOS=full` is the long form. */
const soaked = process.env.GOPUSH_CHAOS === 'full' ? 40_000 : 2_000;

test('thousands of connects and disconnects of all kinds leave no descriptor, handle, listener or memory', {
  timeout: 30_000 + soaked * 15,
}, async () => {
  const target = await startUpgradingTarget((socket) => {
    socket.on('data', (chunk) => {
      if (String(chunk) === 'end') socket.end('bye');
      else if (String(chunk) === 'reset') socket.resetAndDestroy();
    });
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target, gone: { ip: '127.0.0.1', port: 1 } }));
  const faults: ((raw: Awaited<ReturnType<typeof openUnkept>>) => void)[] = [
    (raw) => raw.socket.resetAndDestroy(),
    (raw) => raw.socket.end(),
    (raw) => raw.socket.write('end', () => raw.socket.end()),
    (raw) => raw.socket.write('reset'),
    (raw) => raw.socket.destroy(),
  ];
  const round = async (index: number): Promise<void> => {
    const kind = index % 8;
    const raw = await openUnkept(
      agent.port,
      kind === 5 ? handshakeBytes('/').slice(0, 40) : handshakeBytes(kind === 6 ? '/?product=gone' : '/'),
    );
    if (kind < 5) {
      await raw.until(/\r\n\r\n/);
      faults[kind]?.(raw);
    } else if (kind === 7) raw.socket.resetAndDestroy();
    else if (kind === 5) raw.socket.destroy();
    await raw.closed();
  };
  const rounds = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => round(index)));
  };
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  // Until all is compiled that will be.
  await rounds(1_000);
  await expect.poll(() => openHandles()).toBeLessThan(60);
  const before = { fds: descriptors(), handles: openHandles(), listeners: processListeners(), heap: heapBytes() };
  await rounds(soaked);
  await expect.poll(() => openHandles(), { timeout: 15_000 }).toBeLessThanOrEqual(before.handles + 2);
  await expect.poll(descriptors, { timeout: 15_000 }).toBeLessThanOrEqual(before.fds + 2);
  expect(processListeners()).toBe(before.listeners);
  // More listeners than usual on anything are warned of.
  expect(warnings).toEqual([]);
  // One socket that is kept has more than a kilobyte.
  await expect.poll(() => (heapBytes() - before.heap) / soaked, { timeout: 15_000 }).toBeLessThan(1_000);
});

function processListeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
}

/** What the heap has after it was collected. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

function openHandles(): number {
  return process.getActiveResourcesInfo().filter((one) => /TCP|Timeout/.test(one)).length;
}
