import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer, send } from '../support/client.ts';
import { countTcp, patiently, startSeeingTarget } from '../support/wire.ts';

const frame = Buffer.from([0x81, 0x83, 0, 0, 0, 0, 0x61, 0x62, 0x63]);

test('a client that ends after a frame still gets all that the target goes on to send', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const { socket, until } = await coming;
  await raw.until(/\r\n\r\n/);
  const ended = once(socket, 'end');
  raw.socket.end(frame);
  await ended;
  await until(/abc$/);
  for (const part of ['first', 'second', 'third']) {
    socket.write(Buffer.concat([Buffer.from([0x82, part.length]), Buffer.from(part)]));
    await raw.until(new RegExp(`${part}$`));
  }
  socket.end();
  await raw.closed();
  await expect.poll(countTcp, patiently).toBe(0);
});

test('a target that ends after a frame still gets all that the client goes on to send', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  raw.socket.allowHalfOpen = true;
  const { socket, until, gone } = await coming;
  await raw.until(/\r\n\r\n/);
  const ended = once(raw.socket, 'end');
  socket.end(Buffer.from([0x81, 3, 0x78, 0x79, 0x7a]));
  await ended;
  expect(raw.text()).toMatch(/xyz$/);
  for (let count = 1; count <= 3; count++) {
    raw.socket.write(frame);
    await until(new RegExp(`(?:[\\s\\S]{6}abc){${count}}$`));
  }
  raw.socket.end();
  expect(await gone).toBeUndefined();
  await expect.poll(countTcp, patiently).toBe(0);
});

test('an HTTP client that ends its side has gone, as one that closed its page, and its target is told', async () => {
  await expect.poll(countTcp, patiently).toBe(0);
  const target = await startSeeingTarget(({ socket }) => socket.once('end', () => socket.end()));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, 'GET /long-poll HTTP/1.1\r\nHost: a\r\n\r\n');
  const { until, gone } = await coming;
  await until(/\r\n\r\n$/);
  raw.socket.end();
  await gone;
  await expect.poll(countTcp, patiently).toBe(0);
});

test('a target that ends its side with an answer without a length gives a whole answer', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  expect((await send(agent.url)).body).toBe('to the end');
});
