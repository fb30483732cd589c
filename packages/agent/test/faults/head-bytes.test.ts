import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { createSignal, startSeeingTarget } from '../support/wire.ts';

const frame = Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('early')]);

test('frames that come while the hook thinks and while the target is asked arrive in their order', async () => {
  const asked = createSignal();
  const uid = createSignal<string>();
  const target = await startSeeingTarget();
  const agent = await startTestAgent({
    agent: () => {
      asked.resolve();
      return uid.promise;
    },
    router: { default: target },
  });
  const coming = target.next();
  const raw = await openRaw(agent.port, `${handshakeBytes('/')}glued,`);
  await asked.promise;
  raw.socket.write('in the hook,');
  uid.resolve('ann');
  const { socket, until, text } = await coming;
  await until(/\r\n\r\n/);
  raw.socket.write('before the 101,');
  // Nothing goes to a target that has not yet agreed to speak WebSocket.
  expect(text()).toMatch(/\r\n\r\n$/);
  socket.write(sampleAnswer);
  await raw.until(/\r\n\r\n$/);
  raw.socket.write('after');
  await until(/\r\n\r\nglued,in the hook,before the 101,after$/);
});

test('early bytes of a client whose upgrade is refused never reach the target as a request', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, `${handshakeBytes('/')}GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n`);
  const { text } = await coming;
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno$/);
  expect(text()).not.toMatch(/hidden/);
});

test('more early bytes than any buffer holds arrive whole', async () => {
  const size = 8_000_000;
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  raw.socket.write(Buffer.alloc(size, '~'));
  const { socket, until } = await coming;
  await until(/\r\n\r\n/);
  let bytes = 0;
  const all = createSignal();
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes >= size) all.resolve();
  });
  socket.write(sampleAnswer);
  await all.promise;
  expect(bytes).toBe(size);
});

test('a frame glued to the 101, and one after a 103 that came before it, reach the client', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => {
      socket.write(
        Buffer.concat([Buffer.from(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${sampleAnswer}`), frame, frame]),
      );
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/\r\n\r\n[\s\S]{6}early[\s\S]{6}early$/);
});

test('a 101 that comes byte by byte is understood, with what is glued to it', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.setNoDelay(true);
    socket.once('data', async () => {
      for (const byte of Buffer.from(`${sampleAnswer}glued`)) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\nglued$/);
});

test('a request that comes byte by byte is understood, with what is glued to it', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port);
  raw.socket.setNoDelay(true);
  for (const byte of Buffer.from(`${handshakeBytes('/')}glued`)) {
    raw.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { until } = await coming;
  await until(/\r\n\r\nglued$/);
});
