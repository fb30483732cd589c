import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { connectClient } from '../support/socket-io.ts';
import {
  hooksTo,
  makeConfig,
  patiently,
  startHandingAgent,
  startProcess,
  startServer,
  stateOf,
} from './support/deployment.ts';

/** Longer than what may go along with a connection that is handed over. */
const size = 3_000_000;

test('a client with a longer beginning of an event than can be handed over gets a tunnel at the next push-server', {
  timeout: 60_000,
}, async () => {
  const made = await makeConfig();
  const config = {
    ...made,
    // On a busy machine a push-server takes long to start.
    seamless: { frameBytes: 8_000_000, holdMs: 60_000 },
    pushServer: { ...made.pushServer, maxMessageBytes: 4_000_000 },
  };
  // Its clients have tunnels.
  const first = await startProcess({ ...config, handOff: { enabled: false } });
  const { agent, moves } = await startHandingAgent(config, hooksTo(first), 0);
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const causes: string[] = [];
  client.on('disconnect', (cause) => causes.push(cause));
  const { engine } = client.io;
  const { _socket: socket } = (engine.transport as unknown as { ws: { _socket: Socket } }).ws;
  const acked = new Promise<void>((resolve) => {
    engine.on('packet', ({ data }: { data?: unknown }) => {
      if (String(data).startsWith('3888')) resolve();
    });
  });
  const text = Buffer.from(`42888["go:join","${'x'.repeat(size)}"]`);
  const head = Buffer.alloc(14);
  head.writeUInt16BE(0x81ff, 0);
  head.writeBigUInt64BE(BigInt(text.length), 2);
  await new Promise((resolve) => socket.write(Buffer.concat([head, text.subarray(0, size - 100)]), resolve));
  await expect.poll(async () => (await stateOf(agent)).tunnels, patiently).toBe(1);
  first.child.kill('SIGKILL');
  await startServer({ ...config, serverPortStart: first.port }, 'next');
  await expect.poll(() => moves.length, patiently).toBe(1);
  socket.write(text.subarray(size - 100));
  await acked;
  expect(causes).toEqual([]);
});
