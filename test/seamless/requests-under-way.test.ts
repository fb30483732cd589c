import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { believing, startTestAgent } from '../support/gateway.ts';
import { describeNodes, hear } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';
import { undisturbed } from '../support/undisturbed.ts';

describeNodes('a planned migration', (startNodes) => {
  test('waits for what a client has asked without an ack: a room that it is about to enter, and what stands behind that', async () => {
    const nodes = await startNodes();
    let admit = (): void => {};
    const admitted = new Promise<void>((resolve) => {
      admit = resolve;
    });
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const old = await nodes.start(
      { drainMs: 10_000 },
      {
        async canJoin(_, room) {
          if (room !== 'guarded') return true;
          ask();
          await admitted;
          return true;
        },
      },
    );
    const ports = [old.port];
    const agent = await startTestAgent({
      agent: believing,
      router: { default: () => ports.map((port) => ({ ip: '127.0.0.1', port })) },
    });
    const [client, member] = await Promise.all(
      ['ann', 'bob'].map((user) => connectClient(agent.url, 'websocket', { query: { user } })),
    );
    if (client === undefined || member === undefined) throw new Error('not connected');
    const checks = [client, member].map(undisturbed);
    await Promise.all([client, member].map((one) => one.emitWithAck('go:join', 'den')));
    const heard = hear<{ message: number }>(member, 'n');
    client.emit('go:join', 'guarded');
    client.emit('room', { room: 'den', event: 'n', message: 1 });
    await asked;
    const next = await nodes.start();
    ports[0] = next.port;
    const closed = old.close();
    // Long enough to give sessions that nothing keeps here.
    await pause(300);
    admit();
    await closed;
    await heard.count(1);
    const guarded = hear<number>(client, 'inside');
    await next.push.toRoom('guarded', 'inside', 2);
    expect(await guarded.count(1)).toEqual([2]);
    for (const check of checks) check();
  });
});
