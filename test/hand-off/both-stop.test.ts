import { expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import {
  expectUnnoticed,
  hooksTo,
  joinAll,
  makeConfig,
  patiently,
  publish,
  startHandingAgent,
  startProcess,
  startServer,
  stateOf,
} from './support/deployment.ts';

const count = 20;

test('a push-server that stops while its clients have no agent gives them to the next one that starts, and no client notices', async () => {
  const config = await makeConfig();
  const [first, next] = [await startServer(config, 'first'), await startServer(config, 'next')];
  const hooks = hooksTo(first, next);
  const { agent: old } = await startHandingAgent(config, hooks, 2);
  const clients = await joinAll(old, count);
  expect(await stateOf(old)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(next);
  await expect.poll(() => clients.every((one) => one.numbers.length > 5), patiently).toBe(true);
  await old.close();
  const stopped = first.close();
  const { agent } = await startHandingAgent(config, hooks, 1);
  await stopped;
  await expect.poll(() => stateOf(agent), patiently).toEqual({ tunnels: 0, handedOff: count });
  await expectUnnoticed(clients, numbers.stop());
});

test('an agent that has let its last client go and takes long to close the rest is given none: another agent gets them', async () => {
  const config = await makeConfig();
  const redis = await startRedis();
  const publisher = await startServer(config, 'publisher');
  const [first, next] = [await startServer(config, 'first'), await startProcess(config)];
  const hooks = hooksTo(first, next);
  // It closes the store of its cluster view last.
  const { agent: old } = await startHandingAgent({ ...config, redisAdapter: { port: redis.port } }, hooks, 2);
  const { agent: other } = await startHandingAgent(config, hooks, 2);
  const clients = await joinAll(old, count);
  expect(await stateOf(old)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(publisher);
  await expect.poll(() => clients.every((one) => one.numbers.length > 5), patiently).toBe(true);
  redis.pause();
  const closed = old.close();
  await expect
    .poll(() =>
      fetch(`${old.adminUrl}/livez`).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed');
  // Sessions wait where they are given to.
  next.child.kill('SIGSTOP');
  const stopped = first.close();
  await closed;
  next.child.kill('SIGCONT');
  await stopped;
  await expect.poll(() => stateOf(other), patiently).toEqual({ tunnels: 0, handedOff: count });
  await expectUnnoticed(clients, numbers.stop());
});
