import { expect, test } from 'vitest';
import { readState, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { startEchoTarget } from '../support/target.ts';
import { echo, openSocket } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho, takeHandOffs } from './support/taking-target.ts';

test('the first client of an agent is handed over', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { log } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: target }),
    { ...withAdmin, handOff: { enabled: true, dir } },
    log,
  );
  const { socket } = await openSocket(agent.url);
  expect(await readState(agent)).toMatchObject({ tunnels: 0, handedOff: 1 });
  expect(await echo(socket, 'hello')).toBe('hello');
});

test('so is the first client of a target that has come after its agent', async () => {
  const dir = await makeHandOffDir();
  const target = await startEchoTarget();
  const { log } = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo({ default: target }),
    { ...withAdmin, handOff: { enabled: true, dir } },
    log,
  );
  await openSocket(agent.url);
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 0 });
  const first = await takeHandOffs(target, dir);
  await openSocket(agent.url);
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 1 });
  // It ends, and another one begins.
  await first.taker.close();
  await takeHandOffs(target, dir);
  // What the first one has stays with it.
  await expect.poll(() => readState(agent)).toMatchObject({ tunnels: 1, handedOff: 0 });
  await openSocket(agent.url);
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 1 });
});
