import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { believing, startTestAgent } from '../support/gateway.ts';

test('the back end of docs/protocol.md hands its sessions over, whatever others do, and its client does not notice', async () => {
  const [, code = ''] =
    /```js\n(?:import .*\n)+\n(const server = createServer[\s\S]*?)```/.exec(
      await readFile('docs/protocol.md', 'utf8'),
    ) ?? [];
  const kept = new Map<string, unknown>();
  const store = {
    put: async (token: string, session: unknown) => void kept.set(token, session),
    async take(token: string) {
      const session = kept.get(token);
      kept.delete(token);
      return session;
    },
  };
  const start = async () => {
    const signals = new EventEmitter();
    const names = ['createServer', 'WebSocketServer', 'randomBytes', 'store', 'process'];
    const make = new Function(...names, `${code}\nreturn server;`);
    const server: Server = make(createServer, WebSocketServer, randomBytes, store, signals);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    return { server, signals, targets: [{ ip: '127.0.0.1', port: (server.address() as AddressInfo).port }] };
  };
  const [one, other] = [await start(), await start()];
  let { targets } = one;
  // One that leaves when it is asked, and one that never says that it is quiet.
  for (const leaves of [true, false]) {
    const direct = new WebSocket(`ws://127.0.0.1:${targets[0]?.port}`);
    if (leaves) direct.once('ping', () => direct.terminate());
    await once(direct, 'open');
  }
  const agent = await startTestAgent({ agent: believing, router: { default: () => targets } });
  const client = new WebSocket(`${agent.url.replace('http', 'ws')}/?user=ann`);
  let closed = 0;
  client.on('close', () => closed++);
  await once(client, 'open');
  const ask = async (): Promise<string> => {
    const answer = once(client, 'message');
    client.send('count');
    return String((await answer)[0]);
  };
  expect([await ask(), await ask()]).toEqual(['1', '2']);
  targets = other.targets;
  const gone = once(one.server, 'close');
  one.signals.emit('SIGTERM');
  await gone;
  expect([await ask(), await ask(), closed]).toEqual(['3', '4', 0]);
  client.close();
  await once(client, 'close');
});
