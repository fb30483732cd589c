import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ListenError } from '@gopush/service';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startAgent } from '../../src/start/start-agent.ts';
import { hooksTo } from '../support/agent.ts';
import { send } from '../support/client.ts';
import { startEchoTarget } from '../support/target.ts';

test('nothing happens at import', () => {
  const script = `import '@gopush/agent'; if (process.getActiveResourcesInfo().some((r) => /Timeout|TCP|FSEvent|Process/.test(r))) process.exit(3);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
  });
  expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
});

test('close leaves no socket, timer or listener behind, and may be called twice', async () => {
  const target = await startEchoTarget();
  const open = (): string[] => process.getActiveResourcesInfo().filter((one) => !/^(Pipe|TTY|FS)/.test(one));
  // What the test before and the search for a free port have used is gone after a moment.
  await expect.poll(open).toEqual(['TCPServerWrap']);
  const listeners = process.eventNames().length;
  const agent = await startAgent({
    config: { agentPort: 0, agent: { drainMs: 20 }, limits: { eventLoopDelayMs: 0 } },
    hooks: hooksTo({ default: target }),
  });
  await send(agent.url);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  const closed = once(
    socket.on('error', () => {}),
    'close',
  );
  await Promise.all([agent.close(), agent.close()]);
  await closed;
  expect(process.eventNames()).toHaveLength(listeners);
  await expect.poll(open).toEqual(['TCPServerWrap']);
});

test('a port in use is one clear line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const start = startAgent({ config: { agentPort: port, agent: { host: '127.0.0.1' } } });
  await expect(start).rejects.toThrow(
    new ListenError(`port ${port} of 127.0.0.1 is in use by another program: stop that, or change agentPort`),
  );
  other.close();
});

test('a wrong setting is named', async () => {
  await expect(startAgent({ config: { agentPort: 70_000 } })).rejects.toThrow(
    /agentPort: found 70000, wanted a whole number from 0 to 65535/,
  );
});
