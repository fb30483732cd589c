import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineAgent, defineServer } from 'gopush';
import { verifyJwt } from 'gopush/jwt';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../support/cli.ts';
import { startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

const secret = 'a secret that is long enough for HMAC with SHA-256';
const tokenOf = (sub: string, claims: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT({ sub, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));

test('one verifier says who a client is to the agent, and what it may do to the push-server; the token is in no log', async () => {
  const verifier = verifyJwt({ secret, from: ['bearer', 'cookie:jwt'] });
  const hooks = defineServer({
    async onConnect(client) {
      client.claims = await verifier.claims(client);
      return client.claims !== undefined;
    },
    canJoin: (client, room) => room !== 'admins' || client.claims?.role === 'admin',
  });
  const memory = createMemoryLog();
  const servers = await startPushServers(1, {}, { hooks, logger: memory.logger });
  const agent = await startTestAgent({ agent: defineAgent(verifier), router: { default: targetsOf(servers) } });
  const connect = (extraHeaders: Record<string, string>) =>
    connectClient(agent.url, 'upgrade', { extraHeaders, transports: ['websocket'] });
  const [annToken, bobToken] = [await tokenOf('ann', { role: 'admin' }), await tokenOf('bob')];
  const ann = await connect({ authorization: `Bearer ${annToken}` });
  const bob = await connect({ cookie: `jwt=${bobToken}` });
  expect(await ann.emitWithAck('go:join', 'admins')).toMatchObject({ ok: true, rooms: ['admins'] });
  expect(await bob.emitWithAck('go:join', 'admins')).toMatchObject({ error: { code: 'join_refused' } });
  await expect(connect({ authorization: `Bearer ${annToken}x` })).rejects.toThrow();
  // Not through the agent, and so with a uid of its own making.
  const [server] = servers;
  await expect(connectClient(server?.url ?? '', 'websocket', { query: { uid: 'eve' } })).rejects.toMatchObject({
    data: { code: 'connect_refused' },
  });
  const text = JSON.stringify(memory.lines);
  expect(memory.lines.length).toBeGreaterThan(0);
  for (const token of [annToken, bobToken]) expect(text).not.toContain(token.split('.')[2]);
});

test('hook files import it as a package', async () => {
  const { dir, url } = await makeProject({ serverWorkers: 1 });
  const hook = `import { defineAgent } from 'gopush';
    import { verifyJwt } from 'gopush/jwt';
    export default defineAgent(verifyJwt({ secret: ${JSON.stringify(secret)}, from: 'query:token' }));`;
  await writeFile(join(dir, 'hooks/agent.local.js'), hook);
  await writeFile(join(dir, 'hooks/onupgrade.local.js'), hook);
  const running = startGopush(['dev'], { cwd: dir });
  await running.until(/gopush is ready/);
  const token = await tokenOf('ann');
  const client = openClient(url, 'websocket', { query: { token } });
  expect(await nextEvent(client, 'go:welcome')).toMatchObject({ uid: 'ann' });
  await expect(connectClient(url, 'websocket', { query: { token: `${token}x` } })).rejects.toThrow();
  running.child.kill('SIGINT');
  expect((await running.ended).code).toBe(0);
});
