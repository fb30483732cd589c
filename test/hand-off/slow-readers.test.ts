import { expect, test } from 'vitest';
import { believing } from '../support/gateway.ts';
import {
  expectComplete,
  joinAll,
  makeConfig,
  patiently,
  routerTo,
  startHandingAgent,
  startProcess,
  startServer,
} from './support/deployment.ts';

const rooms = 40;

/** The connection below a client. */
function streamOf({ client }: Awaited<ReturnType<typeof joinAll>>[number]) {
  const { transport } = client.io.engine as unknown as {
    transport: { ws: { _socket: { pause(): void; resume(): void } } };
  };
  return transport.ws._socket;
}

test.each(['stops', 'is killed'])(
  'clients that do not read while their push-server %s, with much that waits, have each message once in the end',
  { timeout: 60_000 },
  async (how) => {
    const config = await makeConfig();
    const limits = { ...config.pushServer?.limits, sendQueueBytes: 64 * 1_048_576 };
    const patient = {
      ...config,
      pushServer: { ...config.pushServer, limits, drainMs: 1_000, history: { count: 1_000 } },
    };
    const next = await startServer(patient, 'next');
    const server = how === 'stops' ? await startServer(patient, 'first') : undefined;
    const child = how === 'stops' ? undefined : await startProcess(patient);
    const port = server?.port ?? child?.port ?? 0;
    const { agent } = await startHandingAgent(patient, { agent: believing, router: routerTo([port, next.port]) }, 2);
    const clients = await joinAll(agent, 8);
    const [silent, reading] = [clients.slice(0, 4), clients.slice(4)];
    await Promise.all(silent.map(({ client }) => client.emitWithAck('go:join', 'silent')));
    for (const client of silent) streamOf(client).pause();
    let n = 0;
    for (; n < rooms; n++) {
      await next.push.toRoom('silent', 'big', 'x'.repeat(500_000), { keep: 'no' });
      await next.push.toRoom('room', 'count', n, { keep: 'must' });
    }
    await expect.poll(() => reading.every(({ numbers }) => numbers.at(-1) === n - 1), patiently).toBe(true);
    child?.child.kill('SIGKILL');
    await server?.close();
    for (const client of silent) streamOf(client).resume();
    await expect.poll(() => clients.every(({ client }) => client.connected), patiently).toBe(true);
    await next.push.toRoom('room', 'count', n++, { keep: 'must' });
    await expectComplete(clients, n);
    for (const { disconnects } of reading) expect(disconnects).toBe(0);
  },
);
