import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer } from 'node:tls';
import type { UrlTarget } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate, makeFolder } from '../../packages/agent/test/support/certificate.ts';
import { readCertificate } from '../../packages/agent/test/support/url-target.ts';
import { believing, startPushServers, startTestAgent } from '../support/gateway.ts';
import { hear } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** Puts something in front of a push-server that ends TLS, or listens at a Unix socket. */
async function startFront({ port }: PushServer, link: 'https' | 'unix'): Promise<UrlTarget> {
  const open = new Set<Socket>();
  const pipe = (from: Socket): void => {
    const to = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroySoon());
      one.pipe(other);
    }
  };
  const dir = await makeFolder();
  const own = link === 'https' ? await makeCertificate(dir, 'target') : undefined;
  const server: Server = own === undefined ? createServer(pipe) : createSecureServer(await readCertificate(own), pipe);
  const path = join(dir, 'push.sock');
  await new Promise<void>((resolve) => {
    server.listen(own === undefined ? { path } : { port: 0, host: '127.0.0.1' }, resolve);
  });
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  if (own === undefined) return { url: `unix:${path}` };
  const { port: front } = server.address() as AddressInfo;
  return { url: `https://localhost:${front}`, tls: { ca: await readFile(own.certFile) } };
}

test.each(['https', 'unix'] as const)(
  'clients of push-servers by %s do not notice that one of them stops',
  async (link) => {
    const [leaving, staying] = (await startPushServers(2, { pushServer: { drainMs: 5_000 } })) as [
      PushServer,
      PushServer,
    ];
    const targets = [await startFront(leaving, link), await startFront(staying, link)];
    const agent = await startTestAgent({ agent: believing, router: { default: targets } });
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } }),
      ),
    );
    await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
    let disconnects = 0;
    const heard = clients.map((client) => {
      client.on('disconnect', () => disconnects++);
      return hear<number>(client, 'count');
    });
    let last = 0;
    const say = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) await staying.push.toRoom('room', 'count', ++last);
    };
    await say(20);
    await Promise.all([leaving.close(), say(100)]);
    await say(20);
    const all = Array.from({ length: last }, (_, index) => index + 1);
    for (const one of heard) expect(await one.count(last)).toEqual(all);
    expect(disconnects).toBe(0);
  },
);
