import { expect, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';

test('a push-server with a short drain time hands its sessions over all the same', async () => {
  const servers = await startPushServers(2, { pushServer: { drainMs: 500 } });
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf(servers) } });
  const users = Array.from({ length: 8 }, (_, index) => `u${index}`);
  const clients = await Promise.all(users.map((user) => connectClient(agent.url, 'websocket', { query: { user } })));
  let disconnects = 0;
  for (const client of clients) client.on('disconnect', () => disconnects++);
  await servers[0]?.close();
  for (const client of clients) expect(await client.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
  expect(disconnects).toBe(0);
});
