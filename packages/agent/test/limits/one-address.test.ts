import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { withAdmin } from '../support/admin.ts';
import { startTestAgent } from '../support/agent.ts';
import { follow, handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { startRawTarget } from '../support/target.ts';
import { createSignal } from '../support/wire.ts';

/** Sends handshakes at once, from an address of its own. */
function openMany(port: number, count: number, path: string) {
  return Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    onTestFinished(() => void socket.destroy());
    socket.write(handshakeBytes(path));
    return follow(socket);
  });
}

test.each([
  ['that their target does not answer', '/silent'],
  ['whose hooks take long', '/pondered'],
])('while a target does not keep up, handshakes %s keep out others of their address alone', async (_, path) => {
  const asked: Socket[] = [];
  const target = await startRawTarget((socket) =>
    socket.once('data', (bytes) => {
      if (/^GET \/(busy|silent)/.test(bytes.toString('latin1'))) asked.push(socket);
      else socket.write(sampleAnswer);
    }),
  );
  const decided = createSignal();
  onTestFinished(() => decided.resolve());
  let pondering = 0;
  const agentHook = async ({ url }: { url?: string | undefined }) => {
    if (url === '/pondered') {
      pondering++;
      await decided.promise;
    }
    return 'ann';
  };
  const hooks = { agent: agentHook, router: { default: target } };
  const agent = await startTestAgent(hooks, { ...withAdmin, limits: { eventLoopDelayMs: 60_000 } });
  const busy = openMany(agent.port, 32, '/busy');
  await expect.poll(() => asked.length).toBe(32);
  for (const socket of asked)
    socket.end('HTTP/1.1 503 Service Unavailable\r\nx-gopush-error: overloaded\r\ncontent-length: 0\r\n\r\n');
  for (const client of busy) expect(await client.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded/);
  // There are 16 places now.
  const held = openMany(agent.port, 20, path);
  const refused = await Promise.race(held.map((client) => client.closed()));
  expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded/);
  expect(asked.length - 32 + pondering).toBe(16);
  const ann = await openRaw(agent.port, handshakeBytes('/'));
  expect((await ann.until(/^HTTP[\s\S]*?\r\n\r\n/))[0]).toMatch(/^HTTP\/1\.1 101 /);
});
