import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { rows } from '../support/long.ts';

/** `GOPUSH_CHAOS=full` is the long form. */
const full = process.env.GOPUSH_CHAOS === 'full';
const closePerSecond = full ? 500 : 50;

interface Seen {
  readonly numbers: number[];
  readonly codes: (number | string)[];
  readonly recovered: boolean[];
  readonly left: number;
  readonly transport: string;
}

interface Answer {
  readonly seen: Seen[];
  readonly connected: number;
}

/** Starts a program and waits for its first word; it ends with the test. */
async function startChild<T>(program: string, ...args: string[]): Promise<{ child: ChildProcess; said: T }> {
  const child = fork(`test/programs/${program}`, args);
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const [said] = await once(child, 'message');
  return { child, said: said as T };
}

/** Gives TCP connections to ports in turn, and to the next one if nobody listens. Remembers when each was closed. */
async function startRoundRobin(ports: readonly number[]) {
  const open = new Set<Socket>();
  const opened: { readonly port: number; closedAt: number }[] = [];
  let next = 0;
  const give = (client: Socket, tries: number): void => {
    const port = ports[next++ % ports.length] as number;
    const target = connect(port, '127.0.0.1');
    open.add(target);
    let isConnected = false;
    target.once('error', () => {
      if (!isConnected && tries > 1) give(client, tries - 1);
      else client.destroy();
    });
    target.on('error', () => {});
    target.once('connect', () => {
      isConnected = true;
      const connection = { port, closedAt: 0 };
      opened.push(connection);
      target.once('close', () => {
        connection.closedAt = performance.now();
      });
      client.pipe(target);
      target.pipe(client);
      target.once('close', () => client.destroy());
      client.once('close', () => target.destroy());
    });
    target.once('close', () => open.delete(target));
  };
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.once('close', () => open.delete(client));
    give(client, ports.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, opened };
}

interface Row {
  readonly signal: NodeJS.Signals;
  readonly transports: string;
  readonly clients: number;
}

test.each(
  rows<Row>(
    [
      { signal: 'SIGTERM', transports: 'websocket', clients: full ? 2_000 : 200 },
      { signal: 'SIGKILL', transports: 'websocket', clients: full ? 400 : 20 },
      { signal: 'SIGTERM', transports: 'polling', clients: full ? 200 : 20 },
    ],
    [{ signal: 'SIGTERM', transports: 'polling,websocket', clients: full ? 400 : 40 }],
  ),
)(
  'one of four agents is stopped by $signal: clients by $transports come back elsewhere and miss nothing',
  async ({ signal, transports, clients }) => {
    const servers = await startPushServers(3, { pushServer: { history: { count: 5_000 } } });
    const settings = JSON.stringify({
      agentPort: 0,
      agent: { host: '127.0.0.1', drainMs: 3_000, closePerSecond },
      limits: { eventLoopDelayMs: 0 },
    });
    const targets = targetsOf(servers);
    const stopped = await startChild<{ port: number }>('agent.mjs', settings, JSON.stringify(targets), 'agent-0');
    // Those that stay need no processes of their own.
    const hooks = { agent: believing, router: { default: () => targets } };
    const others = await Promise.all([1, 2, 3].map(() => startTestAgent(hooks)));
    const { url, opened } = await startRoundRobin([stopped.said, ...others].map(({ port }) => port));
    const { child } = await startChild('clients.mjs', url, String(clients), transports);
    const ask = async (): Promise<Answer> => {
      child.send('tell');
      return (await once(child, 'message'))[0] as Answer;
    };
    let said = 0;
    let going = true;
    const saying = (async () => {
      while (going) {
        await servers[said % 3]?.push.toRoom('room', 'count', said++);
        await pause(full ? 20 : 60);
      }
    })();
    const lost = opened.filter(({ port }) => port === stopped.said.port).length;
    const exited = once(stopped.child, 'exit');
    stopped.child.kill(signal);
    await exited;
    await expect.poll(async () => (await ask()).connected, { timeout: 20_000 }).toBe(clients);
    going = false;
    await saying;
    await expect
      .poll(async () => (await ask()).seen.map(({ numbers }) => numbers.at(-1)), { timeout: 10_000 })
      .toEqual(Array.from({ length: clients }, () => said - 1));
    const { seen } = await ask();
    for (const { numbers, left, transport, recovered } of seen) {
      const first = numbers[0] as number;
      expect(numbers).toEqual(Array.from({ length: said - first }, (_, index) => first + index));
      expect(left).toBe(0);
      expect(transport).toBe(transports === 'polling' ? 'polling' : 'websocket');
      expect(recovered.every(Boolean)).toBe(true);
    }
    const users = await servers[0]?.push.presence.room('room');
    expect(users).toMatchObject({ ok: true });
    expect(users?.ok === true && users.value.map(({ devices }) => devices)).toEqual(seen.map(() => 1));
    const returned = seen.filter(({ recovered }) => recovered.length > 0);
    expect(Math.max(...seen.map(({ recovered }) => recovered.length))).toBeLessThanOrEqual(1);
    // Clients that were handed over stay.
    if (handsOver && transports === 'websocket') expect(returned).toHaveLength(0);
    else if (transports === 'websocket' && signal === 'SIGTERM') {
      expect(returned).toHaveLength(lost);
      const times = opened.filter(({ port }) => port === stopped.said.port).map(({ closedAt }) => closedAt);
      const takenMs = Math.max(...times) - Math.min(...times);
      console.info(`${lost} of ${clients} clients moved, and were closed in ${takenMs} ms`);
      // On a busy machine, some of those that were closed one after the other are seen together.
      expect(takenMs).toBeGreaterThan((lost / closePerSecond) * 500);
    }
    if (transports !== 'polling')
      for (const { codes } of returned) expect(codes).toEqual([signal === 'SIGTERM' ? 1012 : 1006]);
    child.send('end');
    await once(child, 'exit');
  },
  120_000,
);
