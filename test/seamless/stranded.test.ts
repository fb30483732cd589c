import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { isLong, rows } from '../support/long.ts';
import { describeNodes, hear, type TestNodes } from '../support/nodes.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

/** A program of test/programs as a process of its own, which ends with the test. */
async function start(program: string, args: readonly string[]): Promise<ChildProcess & { readonly url: string }> {
  const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const child = fork(path, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  onTestFinished(() => kill(child));
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return Object.assign(child, { url });
}

async function kill(...children: ChildProcess[]): Promise<void> {
  const living = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = living.map((child) => once(child, 'exit'));
  for (const child of living) child.kill('SIGKILL');
  await Promise.all(ended);
}

/** A client behind an agent and a push-server that die, and others for it to come back by. */
async function startChain(nodes: TestNodes) {
  const port = await freePort();
  // First: a push-server has not heard what was sent before it.
  const other = await nodes.start();
  const server = await start('chaos-server.mjs', [JSON.stringify({ ...nodes.config, serverPortStart: port }), 'dies']);
  const settings = { agentPort: 0, agent: { host: '127.0.0.1' }, hold: { timeoutMs: 0 } };
  const agent = await start('chaos-agent.mjs', [JSON.stringify(settings), JSON.stringify([port])]);
  const rescuer = await startTestAgent(
    { agent: believing, router: { default: { ip: '127.0.0.1', port: other.port } } },
    { hold: { timeoutMs: 0 } },
  );
  const portOf = ({ url }: { url: string }): number => Number(new URL(url).port);
  const proxy = await startCuttingProxy([portOf(agent)]);
  const client = await connectClient(proxy.url, 'websocket', {
    query: { user: 'ann' },
    reconnection: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 100,
  });
  return {
    client,
    other,
    /** Both die, as it comes. */
    async die(...order: ('agent' | 'server')[]) {
      proxy.ports = [portOf(rescuer)];
      const back = nextEvent(client, 'connect');
      const [first, second] = order;
      const children = { agent, server };
      if (second === undefined) await kill(children[first ?? 'agent']);
      else await Promise.all([kill(children[first as 'agent']), kill(children[second])]);
      return back;
    },
  };
}

const join = (client: Socket, room: string) => client.emitWithAck('go:join', room);

describeNodes('the agent and the push-server of a client die together', (startNodes, kind) => {
  type Order = readonly ('agent' | 'server')[];
  const agentFirst: Order = ['agent', 'server'];
  const serverFirst: Order = ['server', 'agent'];
  test.each(kind === 'Redis' ? rows([agentFirst], [serverFirst]) : rows([serverFirst], [agentFirst]))(
    '%s first: it goes on with its session, and gets each message once',
    async (...order) => {
      const { client, other, die } = await startChain(await startNodes());
      await join(client, 'room');
      await join(client, 'quiet');
      const { id } = client;
      const heard = hear<number>(client, 'count');
      const pushed = hear<string>(client, 'news');
      const gaps = hear<{ room: string }>(client, 'go:gap');
      for (let number = 0; number < 3; number++) await other.push.toRoom('room', 'count', number);
      await heard.count(3);
      // Messages that were stored at about the same time as its last one may have reached it or not.
      await delay(1_100);
      const back = die(...order);
      await other.push.toRoom('room', 'count', 3);
      await other.push.toUser('ann', 'news', 'while away');
      await back;
      await other.push.toRoom('room', 'count', 4);
      await heard.count(5);
      await pushed.count(1);
      expect({ id: client.id, recovered: client.recovered }).toEqual({ id, recovered: true });
      expect(await client.emitWithAck('go:leave', 'none')).toMatchObject({ count: 2 });
      expect(heard.all).toEqual([0, 1, 2, 3, 4]);
      expect(pushed.all).toEqual(['while away']);
      expect(gaps.all).toEqual([]);
    },
  );

  test('where it cannot be told what it was given it is told of a gap, and given nothing twice', {
    skip: !isLong && kind === 'Redis',
  }, async () => {
    const { client, other, die } = await startChain(await startNodes());
    await join(client, 'one');
    await join(client, 'two');
    const { id } = client;
    const heard = hear<string>(client, 'said');
    const gaps = hear<{ room: string }>(client, 'go:gap');
    // At about the same time, so that the last one it got says nothing of the other room.
    await Promise.all([other.push.toRoom('one', 'said', 'one'), other.push.toRoom('two', 'said', 'two')]);
    await heard.count(2);
    await die('server', 'agent');
    await gaps.count(1);
    await other.push.toRoom('one', 'said', 'one again');
    await other.push.toRoom('two', 'said', 'two again');
    await heard.count(4);
    expect(client.id).toBe(id);
    expect(gaps.all).toHaveLength(1);
    expect(heard.all.toSorted()).toEqual(['one', 'one again', 'two', 'two again']);
  });
});

describeNodes('a client whose agent lives', (startNodes, kind) => {
  /** A client on a push-server in a process of its own. */
  async function startOne(nodes: TestNodes, seamless: object) {
    const port = await freePort();
    // First: a push-server has not heard what was sent before it, and takes the first beat of an older one for a gap.
    const other = await nodes.start();
    const server = await start('chaos-server.mjs', [JSON.stringify({ ...nodes.config, serverPortStart: port }), 'one']);
    let ports = [port];
    const agent = await startTestAgent(
      { agent: believing, router: { default: () => ports.map((one) => ({ ip: '127.0.0.1', port: one })) } },
      { seamless, hold: { timeoutMs: 0 } },
    );
    const client = await connectClient(agent.url, 'websocket', {
      query: { user: 'ann' },
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 100,
    });
    await join(client, 'room');
    return {
      url: agent.url,
      server,
      client,
      other,
      route: (...to: number[]) => {
        ports = to;
      },
    };
  }

  test('that was let go, since nobody took its session in time, goes on with it when it comes back', {
    skip: !isLong && kind === 'Redis',
  }, async () => {
    const { server, client, other, route } = await startOne(await startNodes(), { holdMs: 200 });
    const { id } = client;
    const pushed = hear<string>(client, 'news');
    const left = nextEvent(client, 'disconnect');
    await kill(server);
    await left;
    await other.push.toUser('ann', 'news', 'while away');
    const back = nextEvent(client, 'connect');
    route(other.port);
    await back;
    await pushed.count(1);
    expect({ id: client.id, recovered: client.recovered }).toEqual({ id, recovered: true });
    expect(pushed.all).toEqual(['while away']);
  });

  /** A client whose push-server hangs: its session has failed over to the other one, where it has heard 0 and 1. */
  async function startHung(nodes: TestNodes) {
    const { server, client, other, route, url } = await startOne(nodes, { silentMs: 1_000 });
    const { id } = client;
    const heard = hear<number>(client, 'count');
    await other.push.toRoom('room', 'count', 0);
    await heard.count(1);
    // Known to the agent, so that there is somebody to fail over to.
    route(Number(new URL(server.url).port), other.port);
    const guests = await Promise.all(
      Array.from({ length: 6 }, (_, index) => connectClient(url, 'websocket', { query: { user: `u${index}` } })),
    );
    // Its work is done: one that is stopped while it writes to the embedded store keeps all others from writing.
    await Promise.all(guests.map((guest) => join(guest, 'room')));
    await delay(300);
    server.kill('SIGSTOP');
    await expect.poll(() => other.io.of('/').sockets.has(id ?? ''), { timeout: 10_000 }).toBe(true);
    await other.push.toRoom('room', 'count', 1);
    await heard.count(2);
    return { server, client, other, id, heard };
  }

  test('finds nothing that a push-server left behind which hung, and went on when its session was elsewhere', {
    skip: !isLong && kind !== 'Redis',
  }, async () => {
    const { server, client, other, id, heard } = await startHung(await startNodes());
    // With hand-offs it was killed: nobody else could have continued.
    if (handsOver) await expect.poll(() => server.signalCode).toBe('SIGKILL');
    else {
      server.kill('SIGCONT');
      await expect.poll(() => fetch(`${server.url}/`).then(({ status }) => status)).toBe(404);
    }
    const back = nextEvent(client, 'connect');
    client.io.engine.close();
    await back;
    await other.push.toRoom('room', 'count', 2);
    await heard.count(3);
    expect({ id: client.id, recovered: client.recovered }).toEqual({ id, recovered: true });
    expect(heard.all).toEqual([0, 1, 2]);
  });

  test('finds its session as it was stored last, where a push-server that hung goes on after that', {
    skip: !isLong && kind !== 'Redis',
  }, async () => {
    const nodes = await startNodes();
    const store = await nodes.openStore();
    const { server, client, other, id, heard } = await startHung(nodes);
    // Known to the push-server alone that has the session.
    await join(client, 'late');
    const key = `p:${(client as unknown as { _pid: string })._pid}`;
    const stored = async () => String((await store.sessions.read(key))?.subarray(0, 6));
    expect(await stored()).toBe('token:');
    client.io.reconnection(false);
    client.io.engine.close();
    await expect.poll(stored).not.toBe('token:');
    if (!handsOver) {
      server.kill('SIGCONT');
      await expect.poll(() => fetch(`${server.url}/`).then(({ status }) => status)).toBe(404);
      await delay(500);
    }
    const back = nextEvent(client, 'connect');
    client.connect();
    await back;
    await other.push.toRoom('room', 'count', 2);
    await other.push.toRoom('late', 'count', 3);
    await heard.count(4);
    expect({ id: client.id, recovered: client.recovered }).toEqual({ id, recovered: true });
    expect(heard.all.toSorted()).toEqual([0, 1, 2, 3]);
  });
});
