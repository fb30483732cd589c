import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messageTypes as types } from '../src/channel/message-types.ts';
import { startTaker } from './support/child.ts';
import { connectFakeGiver, onlyTaker } from './support/fake-giver.ts';
import { type Front, openFront, temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { freePort, takeHere } from './support/taker.ts';

const patiently = { timeout: 10_000 } as const;

async function start() {
  const dir = join(temporaryFolder(), 'run');
  mkdirSync(dir, { mode: 0o700 });
  const port = freePort();
  const taker = await startTaker(dir, port);
  const front = await openFront(dir, port);
  await front.giver();
  const client = new LineClient(front.port, '/a');
  await client.upgraded();
  return { dir, port, taker, front, client };
}

/** Ends a giver, and starts the next one. Resolves when that has the only client. */
async function startNext(dir: string, port: number, front: Front): Promise<Front> {
  front.givers.close();
  const next = await openFront(dir, port);
  await expect.poll(() => next.handed.length, patiently).toBe(1);
  return next;
}

test.each([
  ['its folder', (dir: string) => rmSync(dir, { recursive: true })],
  ['its socket for messages', (dir: string) => unlinkSync(onlyTaker(dir).messages)],
  ['its socket for descriptors', (dir: string) => unlinkSync(onlyTaker(dir).descriptors)],
])(
  'a taker of which somebody removes %s is found by the next giver, and its giver keeps the channel',
  async (_, remove) => {
    const { dir, port, taker, front, client } = await start();
    const [before] = readdirSync(dir);
    remove(dir);
    await expect.poll(() => existsSync(dir) && readdirSync(dir).length, patiently).toBe(2);
    expect(readdirSync(dir)[0]).toBe(before);
    // It looks several times a second.
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(front.takers.map(({ state }) => state)).toEqual(['open']);
    expect(taker.told.filter(({ state }) => state === 'open')).toHaveLength(1);
    const next = await startNext(dir, port, front);
    client.socket.write('one 1\n');
    await client.has('one 1\n');
    const other = new LineClient(next.port, '/b');
    await other.upgraded();
  },
);

test('a giver says once that the folder is gone, and again the next time', async () => {
  const { dir, taker, front } = await start();
  taker.process.kill('SIGSTOP');
  for (const times of [1, 2]) {
    rmSync(dir, { recursive: true });
    await expect.poll(() => front.faults.length).toBe(times);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(front.faults.map(String)).toEqual(Array(times).fill(expect.stringContaining('ENOENT')));
    mkdirSync(dir, { mode: 0o700 });
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
});

test('a taker does not listen in a folder that others can enter, and does again once they cannot', async () => {
  const { dir, port, front } = await start();
  rmSync(dir, { recursive: true });
  symlinkSync(temporaryFolder(), dir);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(readdirSync(dir)).toEqual([]);
  unlinkSync(dir);
  mkdirSync(dir, { mode: 0o700 });
  chmodSync(dir, 0o755);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(readdirSync(dir)).toEqual([]);
  chmodSync(dir, 0o700);
  await startNext(dir, port, front);
});

test('a taker that closes while it listens again leaves nothing behind', async () => {
  const { dir, taker } = await start();
  for (let turn = 0; turn < 3; turn++) {
    rmSync(dir, { recursive: true });
    await expect.poll(() => existsSync(dir) && readdirSync(dir).length, patiently).toBe(2);
  }
  rmSync(dir, { recursive: true });
  taker.do('close');
  await taker.has({ closed: true });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(existsSync(dir) ? readdirSync(dir) : []).toEqual([]);
});

test('a taker whose folder is a file closes, and throws nothing', async () => {
  const { dir, taker } = await start();
  rmSync(dir, { recursive: true });
  writeFileSync(dir, '');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  taker.do('close');
  await taker.has({ closed: true });
  expect(taker.process.exitCode).toBeNull();
});

test('a taker has closed when givers have closed their channels, also those that came before it listened again', async () => {
  const dir = join(temporaryFolder(), 'run');
  const { taker } = await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir);
  rmSync(dir, { recursive: true });
  await expect.poll(() => existsSync(dir) && readdirSync(dir).length, patiently).toBe(2);
  let isClosed = false;
  const closing = taker.close().then(() => (isClosed = true));
  await expect.poll(() => fake.told.at(-1)?.type).toBe(types.bye);
  await new Promise(setImmediate);
  expect(isClosed).toBe(false);
  fake.socket.destroy();
  await closing;
});
