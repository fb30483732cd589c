import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readState, untilMetric } from '../support/admin.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { patiently } from '../support/wire.ts';
import { echo, openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho, type TakingTarget } from './support/taking-target.ts';

const program = fileURLToPath(new URL('support/agent-process.mjs', import.meta.url));

async function startAgentProcess(
  dir: string,
  { port, taker }: TakingTarget,
): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, dir, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = String((await once(child.stdout, 'data'))[0]).trim();
  // The first ones come before the channel is open, and are tunnels.
  for (;;) {
    const { socket } = await openSocket(url);
    socket.terminate();
    if (taker.size > 0) return { child, url };
  }
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'clients of an agent that gets %s notice nothing, and another agent has them',
  async (signal) => {
    const dir = await makeHandOffDir();
    const target = await startTakingEcho(dir);
    const { child, url } = await startAgentProcess(dir, target);
    await expect.poll(() => target.taker.size, patiently).toBe(0);
    const clients = await Promise.all(Array.from({ length: 20 }, () => openSocket(url)));
    expect(target.taker.size).toBe(20);
    child.kill(signal);
    await once(child, 'exit');
    await expect.poll(() => target.taker.alone, patiently).toBe(20);
    for (const { socket } of clients) expect(await echo(socket, 'alone')).toBe('alone');
    const limits = { tunnelsPerUid: 20 };
    const { agent, ended } = await startHandingAgent({ default: target }, dir, { limits });
    await untilMetric(agent, 'adopted_total', 20);
    expect(target.taker.alone).toBe(0);
    expect(await readState(agent)).toMatchObject({ handedOff: 20, tunnels: 0 });
    for (const { socket } of clients) expect(await echo(socket, 'again')).toBe('again');
    // They count as if they had come by this agent.
    const refused = await openRaw(agent.port, handshakeBytes('/'));
    expect(await refused.closed()).toMatch(/too_many_tunnels_uid/);
    clients[0]?.socket.close(4001);
    const [line] = await ended(1);
    expect(line).toMatchObject({
      uid: 'ann',
      product: 'default',
      target: `127.0.0.1:${target.port}`,
      from: '127.0.0.1',
    });
    expect(line?.bytesIn).toBe(2 * 11 + 8);
    for (const { socket } of clients.slice(1)) socket.terminate();
    await ended(20);
    await untilMetric(agent, 'connections', 0);
    expect(target.faults).toEqual([]);
  },
);

test('an agent that retires leaves its clients to the one that is there', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const old = await startHandingAgent({ default: target }, dir);
  const { socket } = await openSocket(old.agent.url);
  const young = await startHandingAgent({ default: target }, dir);
  await old.agent.retire();
  await untilMetric(young.agent, 'handed_off', 1);
  expect(await echo(socket, 'hello')).toBe('hello');
  socket.close();
  await young.ended(1);
});
