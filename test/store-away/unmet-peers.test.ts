import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { holderOf } from '../../packages/store/src/embedded/writer-lock.ts';
import { apiConfig, call } from '../support/api.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectTo, hear, startNodes, type TestNodes } from '../support/nodes.ts';
import { nextEvent } from '../support/socket-io.ts';

const api = { api: apiConfig };

/** A program in a process of its own, which has told that it has begun; it ends with the test. */
async function startProgram(path: string, ...args: readonly string[]): Promise<{ child: ChildProcess; told: unknown }> {
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), args, { silent: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [told] = await once(child, 'message');
  return { child, told };
}

/** A push-server in a process of its own, to be stopped. */
async function startPeer({ config }: TestNodes) {
  const settings = { ...config, serverPortStart: 0, ...api };
  const { child, told } = await startProgram('../programs/push-node.mjs', JSON.stringify(settings), 'peer');
  return { child, peer: told as PushServer };
}

/** Stops a peer while it does not write: otherwise no other one could open the store. */
async function stopAtRest(child: ChildProcess, { config }: TestNodes): Promise<void> {
  const lockFile = join(config.pushServer?.storeDir ?? '', 'store.mdb-lock');
  for (;;) {
    child.kill('SIGSTOP');
    // All its threads stop.
    await delay(20);
    if (holderOf(lockFile) === undefined) return;
    child.kill('SIGCONT');
  }
}

/** Holds the lock of the embedded store, as a process that hangs does. @returns ends that */
async function lock({ config }: TestNodes): Promise<() => void> {
  const { child } = await startProgram(
    '../../packages/store/test/programs/hold.mjs',
    config.pushServer?.storeDir ?? '',
  );
  return () => void child.kill('SIGKILL');
}

/** Ann is in a room and has a letter to come, at a push-server that another one cannot meet; nor can that one store anything. */
async function startUnmet() {
  const nodes = await startNodes('embedded store');
  const { child, peer } = await startPeer(nodes);
  const ann = await connectTo(peer, 'ann');
  await ann.emitWithAck('go:join', 'r');
  await stopAtRest(child, nodes);
  const server = await nodes.start({}, undefined, api);
  return { nodes, child, ann, server, unlock: await lock(nodes) };
}

test('a message that is neither stored nor sent to all push-servers is answered with partial, and comes when it is sent again', async () => {
  const { child, ann, server, unlock } = await startUnmet();
  const news = hear(ann, 'news');
  const publish = (to: string) =>
    call(server, `POST /${to}/publish`, { event: 'news', message: to, id: to, keep: 'try' }).then(
      ({ status, body }) => [status, body],
    );
  expect(await Promise.all([publish('rooms/r'), publish('users/ann')])).toMatchObject([
    [200, { position: null, duplicate: false, partial: true }],
    [200, { partial: true }],
  ]);
  expect(await call(server, 'POST /notify', { event: 'news', message: 'all' })).toMatchObject({
    body: { partial: true },
  });

  child.kill('SIGCONT');
  // Once they have met, what is sent again with its id reaches those who missed it, although it is a duplicate here.
  await expect.poll(() => publish('rooms/r'), { timeout: 10_000 }).toEqual([200, { position: null, duplicate: true }]);
  expect(await publish('users/ann')).toMatchObject([200, { state: 'duplicate' }]);
  await news.count(2);
  expect(news.all).toEqual(['rooms/r', 'users/ann']);

  // What reached all is not given twice when it is stored at last.
  unlock();
  await expect.poll(() => publish('rooms/r'), { timeout: 10_000 }).toMatchObject([200, { position: { offset: 1 } }]);
  await publish('users/ann');
  expect(await call(server, 'POST /rooms/r/publish', { event: 'news', message: 'last' })).toMatchObject({
    body: { position: { offset: 2 } },
  });
  await news.has('last');
  expect(news.all).toEqual(['rooms/r', 'users/ann', 'last']);
});

test('a change of clients that a push-server may miss is answered with partial and logged, and has its effect when it is sent again', async () => {
  const nodes = await startNodes('embedded store');
  const { child, peer } = await startPeer(nodes);
  const ann = await connectTo(peer, 'ann');
  await stopAtRest(child, nodes);
  const { logger, lines } = createMemoryLog();
  const config = { serverPortStart: 0, ...nodes.config, ...api };
  const server = await startPushServer({ config, node: 'server', logger });
  onTestFinished(() => server.close());
  const bob = await connectTo(server, 'bob');
  const ask = (what: string) => call(server, what).then(({ status, body }) => [status, body]);
  const changes = ['PUT /users/ann/rooms/r', 'DELETE /users/ann/rooms/r', 'POST /users/ann/disconnect'];
  for (const change of [...changes, `POST /sockets/${ann.id}/disconnect`])
    expect([change, ...(await ask(change))]).toEqual([change, 200, { partial: true }]);
  // Its socket is known to be here alone.
  expect(await ask(`POST /sockets/${bob.id}/disconnect`)).toEqual([200, {}]);
  server.io.in('r').socketsJoin('other');
  expect(lines.filter(({ message }) => /clients may not be changed/.test(String(message)))).toHaveLength(1);

  child.kill('SIGCONT');
  await expect.poll(() => ask('PUT /users/ann/rooms/r'), { timeout: 10_000 }).toEqual([200, {}]);
  await expect
    .poll(async () => (await call(server, 'GET /rooms/r/presence')).body)
    .toMatchObject({ users: [{ uid: 'ann' }] });
  const gone = nextEvent(ann, 'disconnect');
  expect(await ask('POST /users/ann/disconnect')).toEqual([200, {}]);
  expect(await gone).toBe('io server disconnect');
});
