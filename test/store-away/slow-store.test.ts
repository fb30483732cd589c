import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { believing, startTestAgent } from '../support/gateway.ts';
import { connectTo, describeNodes, hear, type TestNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** Keeps the store from responding, as on a disk that stalls. @returns ends that */
async function stall({ redis, config }: TestNodes): Promise<() => void> {
  if (redis !== undefined) {
    redis.pause();
    return () => redis.resume();
  }
  const program = new URL('../../packages/store/test/programs/hold.mjs', import.meta.url);
  const child = fork(program, [config.pushServer?.storeDir ?? '']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return () => void child.kill('SIGKILL');
}

describeNodes('a store that stalls for a little longer than a call may take', (startNodes) => {
  test('loses no message of a client that asks for no ack', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const [speaker, near, far] = [
      await connectTo(one, 'ann'),
      await connectTo(one, 'bob'),
      await connectTo(two, 'cat'),
    ];
    await Promise.all([speaker, near, far].map((client) => client.emitWithAck('go:join', 'r')));
    const heard = [near, far].map((client) => hear<number>(client, 'n'));
    let said = 0;
    const speaking = setInterval(() => speaker.emit('go:publish', { room: 'r', event: 'n', message: said++ }), 50);
    onTestFinished(() => clearInterval(speaking));
    await Promise.all(heard.map((one) => one.count(3)));
    const resume = await stall(nodes);
    await pause(2_600);
    resume();
    await Promise.all(heard.map((one) => one.count(said)));
    clearInterval(speaking);
    const all = Array.from({ length: said }, (_, n) => n);
    await expect.poll(() => heard.map(({ all: numbers }) => numbers.toSorted((a, b) => a - b))).toEqual([all, all]);
  });

  test('is waited for before a client is told that it has left a room: after a crash it would be there again', async () => {
    const nodes = await startNodes();
    const { port } = await nodes.start();
    const agent = await startTestAgent({ agent: believing, router: { default: [{ ip: '127.0.0.1', port }] } });
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await client.emitWithAck('go:join', 'r');
    const resume = await stall(nodes);
    let isTold = false;
    const told = client.emitWithAck('go:leave', 'r').then(() => {
      isTold = true;
    });
    await pause(500);
    expect(isTold).toBe(false);
    resume();
    await told;
  });
});
