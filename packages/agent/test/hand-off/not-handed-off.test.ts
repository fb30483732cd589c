import { expect, test } from 'vitest';
import { openFakeTaker } from '../../../hand-off/test/support/fake-taker.ts';
import { readMetrics, readState, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { startEchoTarget } from '../support/target.ts';
import { patiently } from '../support/wire.ts';
import { echo, openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, takeHandOffs } from './support/taking-target.ts';

test.each([
  ['later', [8, 9]],
  ['earlier', [0, 0]],
] as const)('a target of an incompatible %s version gets tunnels, and nothing else breaks', async (_, versions) => {
  const dir = await makeHandOffDir();
  const target = await startEchoTarget();
  const fake = await openFakeTaker(dir, target.port, { versions });
  const { log, lines } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: target }),
    { ...withAdmin, handOff: { enabled: true, dir } },
    log,
  );
  await expect.poll(() => lines.filter(({ fields }) => fields.state === 'unfit').length, patiently).toBe(1);
  const { socket } = await openSocket(agent.url);
  expect(await echo(socket, 'hello')).toBe('hello');
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 0 });
  expect((await readMetrics(agent)).get('not_handed_off_total{cause="no channel"}')).toBe(1);
  // It is not tried again.
  expect(fake.connections()).toBe(1);
});

test('connections that are not handed over are counted by cause, and their lines say so', async () => {
  const dir = await makeHandOffDir();
  const target = await takeHandOffs(await startEchoTarget(), dir, { maxConnections: 1 });
  const plain = await startEchoTarget();
  const { agent, lines } = await startHandingAgent({ default: target, plain }, dir);
  const sockets = [
    await openSocket(agent.url),
    await openSocket(agent.url),
    await openSocket(`${agent.url}/?product=plain`),
    await openSocket(`${agent.url}/?pad=${'x'.repeat(12_500)}`),
  ];
  const metrics = await readMetrics(agent);
  const counts = ['full', 'no channel', 'large request', 'tls'].map((cause) =>
    metrics.get(`not_handed_off_total{cause="${cause}"}`),
  );
  expect(counts).toEqual([1, 1, 1, undefined]);
  const notHandedOff = { full: 1, 'no channel': 1, 'large request': 1 };
  expect(await readState(agent)).toMatchObject({ handOff: { state: 'on', notHandedOff } });
  for (const { socket } of sockets) socket.close();
  const ended = () => lines.filter(({ message }) => message === 'tunnel').map(({ fields }) => fields.handedOff);
  await expect.poll(() => ended().sort(), patiently).toEqual([false, false, false, true]);
});
