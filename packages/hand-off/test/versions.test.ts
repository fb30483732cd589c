import { expect, test } from 'vitest';
import { messageTypes as types } from '../src/channel/message-types.ts';
import { connectFakeGiver } from './support/fake-giver.ts';
import { openFakeTaker } from './support/fake-taker.ts';
import { connectClient, openFront, temporaryFolder } from './support/front.ts';
import { LineClient } from './support/lines.ts';
import { startPair } from './support/pairs.ts';
import { freePort, takeHere } from './support/taker.ts';

test.each([
  ['of version 1 is not asked for a session', [1, 1], false],
  ['of version 2 is asked', [2, 2], true],
  ['that speaks later versions as well is asked', [1, 9], true],
] as const)('a taker %s', async (_, versions, isAsked) => {
  const dir = temporaryFolder();
  const port = freePort();
  const fake = await openFakeTaker(dir, port, { versions });
  const front = await openFront(dir, port);
  await front.giver();
  new LineClient(front.port, '/a');
  await expect.poll(() => front.handed.length).toBe(1);
  const [handed] = front.handed;
  expect(handed?.askToLeave()).toBe(isAsked);
  handed?.close(1_000, 'last');
  await expect.poll(() => fake.told.at(-1)?.type).toBe(types.close);
  const asked = fake.told.filter(({ type }) => type === types.askToLeave);
  expect(asked.map(({ id }) => id)).toEqual(isAsked ? [fake.told.find(({ type }) => type === types.offer)?.id] : []);
});

test.each([[[1, 1]], [[1, 9]]] as const)('a giver of the versions %j is welcome', async (versions) => {
  const dir = temporaryFolder();
  await takeHere(dir, freePort());
  const fake = await connectFakeGiver(dir, { versions });
  expect(fake.told[0]?.type).toBe(types.welcome);
});

test('a giver asks for a session back: the taker is told of connections that it serves, and of no others', async () => {
  const asked: unknown[] = [];
  const { taken, faults, front, dir } = await startPair({ onLeaveRequest: (connection) => asked.push(connection) });
  const client = connectClient(front.port);
  await client.next();
  const [handed] = front.handed;
  expect(handed?.askToLeave()).toBe(true);
  await expect.poll(() => asked.length).toBe(1);
  expect(asked[0]).toBe(taken[0]);
  expect(await taken[0]?.leave(Buffer.from('unread'))).toBe(true);
  expect(handed?.askToLeave()).toBe(false);
  const fake = await connectFakeGiver(dir);
  for (const id of [1, 77, 0xffff_ffff]) fake.send(types.askToLeave, id);
  fake.send(types.ping, 0);
  await expect.poll(() => fake.told.at(-1)?.type).toBe(types.pong);
  expect([asked.length, faults]).toEqual([1, []]);
});

test('a taker whose program does not say what happens then keeps its sessions', async () => {
  const { faults, front } = await startPair();
  const client = connectClient(front.port);
  await client.next();
  front.handed[0]?.askToLeave();
  client.socket.send('still');
  expect([await client.next(), faults]).toEqual(['echo still', []]);
});
