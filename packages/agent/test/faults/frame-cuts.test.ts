import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { createSignal, startSeeingTarget } from '../support/wire.ts';

/** A frame as a client sends it. */
function masked(first: number, payload: Buffer): Buffer {
  const mask = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.of(first), length, mask, payload.map((byte, at) => byte ^ (mask[at & 3] as number))]);
}

/** A target that tells what a real WebSocket server made of the bytes. */
async function startListeningTarget() {
  const target = await startTarget();
  const messages: string[] = [];
  const done = createSignal();
  const server = new WebSocketServer({ server: target.server });
  server.on('connection', (socket) => {
    socket.on('ping', (data) => messages.push(`ping ${data}`));
    socket.on('pong', (data) => messages.push(`pong ${data}`));
    socket.on('message', (data) => messages.push(String(data)));
    socket.once('error', () => {}).once('close', () => done.resolve());
  });
  return { ...target, messages, closed: done.promise };
}

const conversation = Buffer.concat([
  masked(0x01, Buffer.from('one, ')),
  masked(0x89, Buffer.from('alive?')),
  masked(0x00, Buffer.from('two, ')),
  masked(0x8a, Buffer.alloc(0)),
  masked(0x80, Buffer.from('three')),
  masked(0x82, Buffer.alloc(200, 'y')),
  masked(0x88, Buffer.from([0x03, 0xe8])),
]);
const heard = ['ping alive?', 'pong ', 'one, two, three', 'y'.repeat(200)];

test('frames that come byte by byte, control frames between fragments among them, are what they were', async () => {
  const target = await startListeningTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  raw.socket.setNoDelay(true);
  await raw.until(/\r\n\r\n/);
  for (const byte of conversation) {
    raw.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await target.closed;
  expect(target.messages).toEqual(heard);
});

test('frames cut in two at any byte are what they were', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (let cut = 1; cut < conversation.length; cut += 3) {
    const coming = target.next();
    const raw = await openRaw(agent.port, handshakeBytes('/'));
    const { until, text } = await coming;
    await raw.until(/\r\n\r\n/);
    raw.socket.write(conversation.subarray(0, cut));
    await until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${cut}}$`));
    raw.socket.write(conversation.subarray(cut));
    await until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${conversation.length}}$`));
    expect(text().endsWith(conversation.toString('latin1'))).toBe(true);
    raw.socket.destroy();
  }
});

test('a stop in the middle of a frame waits for its end before it says goodbye', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(Buffer.concat([Buffer.from(sampleAnswer), Buffer.from([0x81, 6, 0x61])])));
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }), {
    agent: { drainMs: 2_000, closePerSecond: 1_000 },
  });
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const { socket } = await coming;
  await raw.until(/\r\n\r\n[\s\S]{3}$/);
  const closing = agent.close();
  for (const byte of 'bcdef') {
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(byte);
  }
  const text = await raw.closed();
  expect(text).toMatch(/abcdef/);
  expect(Buffer.from(text.slice(-4), 'latin1')).toEqual(Buffer.from([0x88, 2, 0x03, 0xf4]));
  await closing;
});

test('messages of a megabyte go both ways, many at once', async () => {
  const target = await startTarget();
  const server = new WebSocketServer({ server: target.server });
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const socket = new WebSocket(agent.url);
  await once(socket, 'open');
  const sent = Array.from({ length: 16 }, (_, index) => Buffer.alloc(1024 * 1024, index));
  const got: Buffer[] = [];
  const all = createSignal();
  socket.on('message', (data: Buffer) => {
    got.push(data);
    if (got.length === sent.length) all.resolve();
  });
  for (const message of sent) socket.send(message);
  await all.promise;
  expect(got.every((message, index) => message.equals(sent[index] as Buffer))).toBe(true);
  socket.terminate();
});
