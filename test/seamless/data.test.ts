import type { PushServer } from '@gopush/push-server';
import { expect, it } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';

/** A list within a list, this many levels deep. */
function chain(length: number): unknown {
  let value: unknown = null;
  for (let at = 0; at < length; at++) value = { before: value };
  return value;
}

it.each<[string, () => unknown, unknown]>([
  ['as it is', () => ({ name: 'ann', tags: new Set(['a']) }), { name: 'ann', tags: 1 }],
  ['without what is nested too deep for being read again', () => ({ name: 'ann', before: chain(3_000) }), {}],
  ['without what is nested too deep for being written', () => ({ name: 'ann', before: chain(100_000) }), {}],
  ['without what is too large', () => ({ name: 'ann', text: 'x'.repeat(2_000_000) }), {}],
])('a session migrates with socket.data, %s, and its client notices nothing', async (_, make, expected) => {
  const servers = await startPushServers(
    2,
    { pushServer: { drainMs: 3_000 } },
    {
      setup(io) {
        io.on('connection', (socket) => {
          socket.on('fill', (done) => {
            socket.data = make();
            done();
          });
          socket.on('look', (done) => {
            const { name, tags } = socket.data as { name?: string; tags?: Set<string> };
            done({ ...(name === undefined ? {} : { name }), ...(tags === undefined ? {} : { tags: tags.size }) });
          });
        });
      },
    },
  );
  const agent = await startTestAgent({ agent: believing, router: { default: () => targetsOf(servers) } });
  let auth: unknown = {};
  for (let level = 0; level < 62; level++) auth = { a: auth };
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' }, auth: auth as object });
  let disconnects = 0;
  ann.on('disconnect', () => disconnects++);
  await ann.emitWithAck('go:join', 'den');
  await ann.emitWithAck('fill');
  const home = servers.find((server) => server.io.engine.clientsCount > 0) as PushServer;
  await home.close();
  expect(await ann.emitWithAck('look')).toEqual(expected);
  expect(await ann.emitWithAck('go:leave', 'den')).toMatchObject({ rooms: ['den'], count: 0 });
  expect(disconnects).toBe(0);
});
