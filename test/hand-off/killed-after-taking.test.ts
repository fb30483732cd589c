import { expect, onTestFinished, test } from 'vitest';
import {
  expectUnnoticed,
  makeConfig,
  patiently,
  startProcess,
  startServer,
  startTalk,
  stateOf,
} from './support/deployment.ts';

const count = 12;

test('a push-server that is killed before it has stored the sessions that it took leaves them to the next one, unnoticed', {
  timeout: 60_000,
}, async () => {
  const config = await makeConfig();
  const speaker = await startServer(config, 'speaker');
  const [first, second] = [await startProcess(config), await startProcess(config)];
  const { agent, moves, clients, numbers } = await startTalk(config, [first, second], speaker, count);
  first.child.kill('SIGKILL');
  await expect.poll(() => moves.length, { ...patiently, interval: 5 }).toBeGreaterThan(0);
  // Their clients get messages there, and are not asked for a sign of life yet.
  const seen = clients.map((client) => client.numbers.length);
  const areAllServed = (): boolean => clients.every((client, index) => client.numbers.length > (seen[index] ?? 0));
  await expect.poll(areAllServed, { ...patiently, interval: 5 }).toBe(true);
  second.child.kill('SIGKILL');
  const states: { readonly tunnels: number }[] = [];
  const looking = setInterval(() => {
    stateOf(agent).then(
      (state) => states.push(state),
      // The admin listener has no time for so many.
      () => {},
    );
  }, 10);
  onTestFinished(() => clearInterval(looking));
  await startProcess({ ...config, serverPortStart: second.port });
  await expectUnnoticed(clients, numbers.stop());
  // The sessions are not stored under their last tokens, and are asked for under those before, without tunnels in between.
  expect(states.filter(({ tunnels }) => tunnels > 0)).toEqual([]);
  clearInterval(looking);
  await expect.poll(() => stateOf(agent).catch(() => undefined)).toEqual({ tunnels: 0, handedOff: count });
});
