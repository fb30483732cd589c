import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { countTcp, patiently, startSeeingTarget } from '../support/wire.ts';

test.each([
  ['when it accepts', undefined, 'target_(reset|unreachable)'],
  ['when the request has come', '', 'target_reset'],
  ['in the middle of its head', sampleAnswer.slice(0, 50), 'target_(reset|bad_answer)'],
])('a target that resets %s is 502 for the client, and nothing stays open', async (_name, answered, code) => {
  const target = await startSeeingTarget(({ socket }) => {
    if (answered === undefined) socket.resetAndDestroy();
    else if (answered === '') socket.once('data', () => socket.resetAndDestroy());
    else socket.once('data', () => socket.write(answered, () => socket.resetAndDestroy()));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(new RegExp(`^HTTP/1\\.1 502 [\\s\\S]*${code}`));
  await expect.poll(countTcp, patiently).toBe(0);
});

test('a target that ends in the middle of its head is 502', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.end(sampleAnswer.slice(0, 50)));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
});

test.each([
  ['right after its 101', Buffer.alloc(0)],
  ['in the middle of a frame', Buffer.from([0x82, 126, 1, 0, 9, 9])],
])('a target that resets %s resets its client, and nothing stays open', async (_name, frame) => {
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const reset = once(raw.socket, 'error');
  const { socket } = await coming;
  socket.write(sampleAnswer);
  socket.write(frame);
  await raw.until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${frame.length}}$`));
  socket.resetAndDestroy();
  expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(countTcp, patiently).toBe(0);
});

test('a target that resets without waiting for anything after its 101 leaves nothing open', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer, () => socket.resetAndDestroy()));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  await expect.poll(countTcp, patiently).toBe(0);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  // Whether the 101 was read before the reset is the kernel's affair; that the client is not left waiting is ours.
  await raw.closed();
  await expect.poll(countTcp, patiently).toBe(0);
});
