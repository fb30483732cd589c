import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished } from 'vitest';
import { connectClient } from '../../../../test/support/socket-io.ts';

/** A push-server of this Redis that ends with the test. */
export async function startNode(node: string, redisAdapter: ConfigInput['redisAdapter']): Promise<PushServer> {
  const server = await startPushServer({
    config: {
      serverPortStart: 0,
      redisAdapter,
      admin: { serverPort: 0 },
      pushServer: { drainMs: 100, history: { count: 10_000 }, limits: { beginDelayMs: 0 } },
    },
    node,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  onTestFinished(() => server.close());
  return server;
}

/** What the admin listener says of being ready. */
export async function readiness({ adminUrl }: PushServer): Promise<string> {
  const response = await fetch(`${adminUrl}/readyz?verbose`);
  return `${response.status} ${await response.text()}`;
}

/** A member of the lobby, who counts what it hears. */
export async function joinLobby(server: PushServer, uid: string) {
  const socket: Socket = await connectClient(server.url, 'websocket', { query: { uid } });
  const kept: number[] = [];
  const all: string[] = [];
  let gaps = 0;
  socket.on('n', (n: number) => kept.push(n));
  socket.on('all', (text: string) => all.push(text));
  socket.on('go:gap', () => void gaps++);
  await socket.emitWithAck('go:join', 'lobby');
  return { kept, all, gaps: () => gaps };
}

/** Publishes a number every few milliseconds, by each server in turn. */
export function publishSteadily(servers: readonly PushServer[]) {
  const acknowledged = new Set<number>();
  let n = 0;
  let underWay: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const own = n++;
    const server = servers[own % servers.length] as PushServer;
    const done = server.push.toRoom('lobby', 'n', own, { keep: 'must' }).then((result) => {
      if (result.ok) acknowledged.add(own);
    });
    underWay = Promise.all([underWay, done]);
  }, 20);
  return {
    acknowledged,
    async stop() {
      clearInterval(timer);
      await underWay;
    },
  };
}

/** Everything that was acknowledged has come, or was announced to be missing. */
export async function expectHonest(
  acknowledged: ReadonlySet<number>,
  members: readonly Awaited<ReturnType<typeof joinLobby>>[],
) {
  for (const { kept, gaps } of members) {
    const missing = (): number[] => (gaps() > 0 ? [] : [...acknowledged].filter((n) => !kept.includes(n)));
    await expect.poll(missing, { timeout: 10_000 }).toEqual([]);
    expect(new Set(kept).size).toBe(kept.length);
  }
}
