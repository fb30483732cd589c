import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeFolder } from '../../../../test/support/cli.ts';

/** Clients of one round, and messages that each of them gets. */
const clients = 150;
const messages = 20;

/** How long what is kept of a client that has left is kept, in milliseconds. */
const keptMs = 300;

/** A push-server whose heap can be asked for. */
async function startMeasured() {
  const dir = await makeFolder();
  const config = {
    serverPortStart: 0,
    pushServer: {
      fanoutDir: dir,
      storeDir: join(dir, 'store'),
      recoveryMs: keptMs,
      graceMs: 0,
      // Events for one client are kept as long as it may go unnoticed that its connection has ended: of all of them so many.
      emitted: { nodeCount: 100, clientCount: 50 },
      history: { count: messages, ageMs: 1_000 },
      limits: { beginDelayMs: 0, connections: 0 },
    },
  };
  const program = fileURLToPath(new URL('../programs/heap.mjs', import.meta.url));
  // Code that is compiled meanwhile would be in the heap as well, that of Maglev from Node 24 on.
  const child = fork(program, [JSON.stringify(config)], { execArgv: ['--expose-gc', '--no-opt', '--no-maglev'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [{ answer: url }] = (await once(child, 'message')) as [{ answer: string }];
  async function ask(what: string, rest: object = {}): Promise<number> {
    const answered = once(child, 'message');
    child.send({ ask: what, ...rest });
    return (await answered)[0].answer;
  }
  return { url, ask };
}

/** Enters a room. */
async function enter(url: string, uid: string, room: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=${uid}`);
  onTestFinished(() => socket.terminate());
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('message', (data) => {
      const text = String(data);
      if (text.startsWith('0{')) socket.send('40');
      else if (text.startsWith('40{')) socket.send(`420["go:join","${room}"]`);
      else if (text.startsWith('430')) resolve();
    });
  });
  return socket;
}

test('clients that have left leave nothing in the memory of a push-server', async () => {
  const { url, ask } = await startMeasured();
  let rounds = 0;
  async function comeAndLeave(): Promise<void> {
    const room = `room ${rounds++}`;
    const uids = Array.from({ length: clients }, (_, index) => `user-${rounds}-${index}`);
    const all = await Promise.all(uids.map((uid) => enter(url, uid, room)));
    await ask('publish', { room, count: messages });
    // Without a goodbye: what they may have missed is kept for a while.
    for (const socket of all) socket.terminate();
    await expect.poll(() => ask('clients')).toBe(0);
  }
  for (let round = 0; round < 2; round++) await comeAndLeave();
  const heaps: number[] = [];
  for (let sample = 0; sample < 4; sample++) {
    await new Promise((resolve) => setTimeout(resolve, 2 * keptMs));
    heaps.push(await ask('heap'));
  }
  const begin = Math.min(...heaps);
  for (let round = 0; round < 3; round++) await comeAndLeave();
  // In bytes for each client. A session alone takes thousands; what is left is feedback for the compiler, and fragments.
  const left = async (): Promise<number> => ((await ask('heap')) - begin) / (3 * clients);
  await expect.poll(left, { interval: 2 * keptMs, timeout: 15_000 }).toBeLessThan(1_000);
}, 180_000);
