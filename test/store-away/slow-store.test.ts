import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { connectTo, describeNodes, hear, type TestNodes } from '../support/nodes.ts';

/** Keeps the store from responding for a while, as on a disk that stalls. */
async function stall({ redis, config }: TestNodes, ms: number): Promise<void> {
  if (redis !== undefined) {
    redis.pause();
    await pause(ms);
    redis.resume();
    return;
  }
  const program = new URL('../../packages/store/test/programs/hold.mjs', import.meta.url);
  const child = fork(program, [config.pushServer?.storeDir ?? '']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  await pause(ms);
  child.kill('SIGKILL');
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
    await stall(nodes, 2_600);
    await Promise.all(heard.map((one) => one.count(said)));
    clearInterval(speaking);
    const all = Array.from({ length: said }, (_, n) => n);
    await expect.poll(() => heard.map(({ all: numbers }) => numbers.toSorted((a, b) => a - b))).toEqual([all, all]);
  });
});
