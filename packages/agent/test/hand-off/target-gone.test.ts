import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { HandedOffMigration } from '../../src/migration/handed-off/handed-off-migration.ts';
import { readMetrics, readState, untilMetric, untilState } from '../support/admin.ts';
import { send } from '../support/client.ts';
import { comeBack, goAway, startEchoTarget } from '../support/target.ts';
import { echo, openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho, takeHandOffs } from './support/taking-target.ts';

const program = fileURLToPath(new URL('support/taking-process.mjs', import.meta.url));

async function startProcess(dir: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, port: Number(String((await once(child.stdout, 'data'))[0])) };
}

test('a target of your own that is killed ends its connections, as without a gateway, and they count no longer', async () => {
  const dir = await makeHandOffDir();
  const { child, port } = await startProcess(dir);
  const { agent, ended } = await startHandingAgent({ default: { ip: '127.0.0.1', port } }, dir);
  const clients = await Promise.all(Array.from({ length: 5 }, () => openSocket(agent.url)));
  expect(await readState(agent)).toMatchObject({ handedOff: 5 });
  const closes = clients.map(({ socket }) => once(socket, 'close'));
  child.kill('SIGKILL');
  for (const closed of closes) expect((await closed)[0]).toBe(1006);
  const lines = await ended(5);
  expect(lines.map(({ cause }) => cause)).toEqual(Array.from(lines, () => 'target reset'));
  await untilMetric(agent, 'connections', 0);
  expect((await readMetrics(agent)).get(`target_tunnels{product="default",target="127.0.0.1:${port}"}`)).toBe(0);
});

test('a bug in what happens to a connection whose target is gone ends that connection, and it counts no longer', async () => {
  const dir = await makeHandOffDir();
  const { child, port } = await startProcess(dir);
  const { agent, ended, lines } = await startHandingAgent({ default: { ip: '127.0.0.1', port } }, dir);
  const clients = await Promise.all(Array.from({ length: 3 }, () => openSocket(agent.url)));
  const closes = clients.map(({ socket }) => once(socket, 'close'));
  const spy = vi.spyOn(HandedOffMigration.prototype, 'orphaned').mockImplementationOnce(() => {
    throw new Error('a bug');
  });
  onTestFinished(() => spy.mockRestore());
  child.kill('SIGKILL');
  await Promise.all(closes);
  expect((await ended(3)).map(({ cause }) => cause).sort()).toEqual(['fault', 'target reset', 'target reset']);
  await untilMetric(agent, 'connections', 0);
  expect((await readMetrics(agent)).get(`target_tunnels{product="default",target="127.0.0.1:${port}"}`)).toBe(0);
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { err: { message: 'a bug' } } }]);
});

test('a target that was ejected while it was gone gets clients as soon as its successor takes hand-offs', async () => {
  const dir = await makeHandOffDir();
  const [target, other] = [await startTakingEcho(dir), await startTakingEcho(dir)];
  const targets = [
    { ip: target.ip, port: target.port, weight: 1_000_000 },
    { ip: other.ip, port: other.port },
  ];
  const health = { failures: 2, ejectMs: 3_600_000, maxEjectMs: 3_600_000 };
  const router = { default: { targets, choose: 'random-of-two' } } as const;
  const { agent } = await startHandingAgent(router, dir, { health }, 2);
  await target.taker.close();
  await goAway(target);
  for (let time = 0; time < 2; time++) expect((await send(agent.url)).status).toBe(200);
  await untilState(agent, target.port, 'ejected');
  await comeBack(target);
  await takeHandOffs(target, dir);
  await untilState(agent, target.port, 'up');
});

test('a target that stands still for some seconds keeps its connections', { timeout: 40_000 }, async () => {
  const dir = await makeHandOffDir();
  const { child, port } = await startProcess(dir);
  const { agent, lines } = await startHandingAgent({ default: { ip: '127.0.0.1', port } }, dir);
  const { socket } = await openSocket(agent.url);
  child.kill('SIGSTOP');
  const gone = () => lines.some(({ fields }) => fields.state === 'gone');
  await expect.poll(gone, { timeout: 20_000 }).toBe(true);
  const answer = echo(socket, 'are you there?');
  child.kill('SIGCONT');
  expect(await answer).toBe('are you there?');
  await untilMetric(agent, 'adopted_total', 1);
  expect(await readState(agent)).toMatchObject({ handedOff: 1 });
});

test('a target that stands still for longer loses them if another one is up, to which their clients can connect', {
  timeout: 40_000,
}, async () => {
  const dir = await makeHandOffDir();
  const { child, port } = await startProcess(dir);
  const seamless = { silentMs: 2_000 };
  const other = await startEchoTarget();
  const router = { targets: [{ ip: '127.0.0.1', port, weight: 1_000_000 }, other], choose: 'random-of-two' } as const;
  const { agent, ended } = await startHandingAgent({ default: router }, dir, { seamless });
  const { socket } = await openSocket(agent.url);
  const closed = once(socket, 'close');
  child.kill('SIGSTOP');
  expect((await closed)[0]).toBe(1006);
  expect((await ended(1))[0]).toMatchObject({ cause: 'target silent', handedOff: true });
  await untilMetric(agent, 'connections', 0);
  // It is none of ours.
  expect(child.signalCode).toBeNull();
});

test('a target that stands still keeps them as long as no other one is up', { timeout: 40_000 }, async () => {
  const dir = await makeHandOffDir();
  const { child, port } = await startProcess(dir);
  const seamless = { silentMs: 1_000 };
  const { agent, lines } = await startHandingAgent({ default: { ip: '127.0.0.1', port } }, dir, { seamless });
  const { socket } = await openSocket(agent.url);
  child.kill('SIGSTOP');
  const gone = () => lines.some(({ fields }) => fields.state === 'gone');
  await expect.poll(gone, { timeout: 20_000 }).toBe(true);
  // Longer than it is asked again.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const answer = echo(socket, 'are you there?');
  child.kill('SIGCONT');
  expect(await answer).toBe('are you there?');
});
