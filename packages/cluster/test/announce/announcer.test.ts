import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { NodeActions } from '../../src/act/node-actions.ts';
import { Announcer, type AnnouncerOptions } from '../../src/announce/announcer.ts';
import type { NodeFacts } from '../../src/announce/node-facts.ts';
import { Pauses } from '../../src/announce/pauses.ts';
import { readSummary } from '../../src/summary/read-summary.ts';
import type { Summary } from '../../src/summary/summary.ts';
import { MemorySummaries, storeOf, summaryOf } from '../support/summaries.ts';

function facts(change: Partial<NodeFacts> = {}): NodeFacts {
  const { clients, totals, migrations } = summaryOf('x');
  return {
    ...{
      state: 'ready',
      loopDelayMs: 0,
      clients,
      totals,
      migrations,
      fallbacks: [],
      refusals: [],
      targets: [],
      rooms: [],
    },
    ...change,
  };
}

function announce(describe: () => NodeFacts, options: Partial<AnnouncerOptions> = {}) {
  const summaries = new MemorySummaries();
  const announcer = new Announcer({
    ...{ tier: 'agent', name: 'agent-0', store: storeOf(summaries), describe, log: silentLogger },
    ...options,
  });
  onTestFinished(() => announcer.close());
  const told = (): Summary =>
    readSummary(summaries.kept.get(announcer.id)?.payload ?? Buffer.alloc(0))?.summary as Summary;
  return { announcer, summaries, told };
}

test('a node tells of itself at once and each second, with what happened meanwhile as a rate', async () => {
  let messages = 0;
  const describe = (): NodeFacts => {
    const { totals } = facts();
    return facts({
      why: 'store: down',
      totals: { ...totals, messages },
      targets: [
        { product: 'p', target: 't', state: 'up', connections: 1, messages, errors: 0 },
        // As when a session has migrated to it, with what it had carried before.
        { product: 'p', target: 'next', state: 'up', connections: 0, messages: messages * 50, errors: 0 },
      ],
    });
  };
  const { told, summaries } = announce(describe);
  await expect.poll(() => summaries.writes).toBe(1);
  expect(told()).toMatchObject({
    tier: 'agent',
    name: 'agent-0',
    pid: process.pid,
    state: 'ready',
    why: 'store: down',
  });
  messages = 1_000;
  await expect.poll(() => told().totals.messages).toBe(1_000);
  const { perSecond, targets } = told();
  expect(perSecond.messages).toBeGreaterThan(200);
  expect(perSecond.messages).toBeLessThan(1_100);
  expect(targets.map((target) => target.perSecond)).toEqual([perSecond.messages, perSecond.messages]);
  await expect.poll(() => told().perSecond.messages).toBe(0);
});

test('rooms are told with the rate of their history, and targets with the causes of their errors', async () => {
  let published = 100;
  const causes = Array.from({ length: 9 }, (_, index) => [`cause-${index}`, index] as const);
  const { told, summaries } = announce(() =>
    facts({
      rooms: [
        { room: 'kept', members: 2, published },
        { room: 'unkept', members: 1, published: undefined },
      ],
      targets: [{ product: 'p', target: 't', state: 'up', connections: 1, messages: 0, errors: 36, causes }],
    }),
  );
  await expect.poll(() => summaries.writes).toBe(1);
  expect(told().rooms).toEqual([
    { room: 'kept', members: 2 },
    { room: 'unkept', members: 1 },
  ]);
  expect(told().targets[0]?.causes.map(({ cause }) => cause)).toEqual(['cause-8', 'cause-7', 'cause-6', 'cause-5']);
  published = 1_100;
  await expect.poll(() => told().rooms[0]?.perSecond ?? 0).toBeGreaterThan(200);
  expect(told().rooms[1]).toEqual({ room: 'unkept', members: 1 });
  // A history that begins anew.
  published = 3;
  await expect.poll(() => told().rooms[0]?.perSecond).toBe(0);
});

test('a command that waits in the store is run, and what became of it is told at once', async () => {
  const actions = new NodeActions({ drain: () => 'drained' }, silentLogger, () => announcer.announce());
  const { announcer, told, summaries } = announce(() => facts(), { actions, id: 'own' });
  await expect.poll(() => summaries.writes).toBe(1);
  expect(told().can).toEqual(['drain']);
  const command = { v: 1, id: 'c', action: 'drain', value: '', by: 'ops', from: '127.0.0.1', via: 'agent-0' };
  summaries.commands.set('own', Buffer.from(JSON.stringify(command)));
  announcer.announce();
  await expect
    .poll(() => told().actions)
    .toEqual([{ id: 'c', action: 'drain', by: 'ops', agoMs: expect.any(Number), result: 'drained', isDone: true }]);
});

test('while a write waits no other begins, and nothing is queued', async () => {
  const { announcer, summaries } = announce(() => facts());
  await expect.poll(() => summaries.writes).toBe(1);
  let release = (): void => {};
  summaries.until = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (let times = 0; times < 100; times++) announcer.announce();
  await new Promise((resolve) => setImmediate(resolve));
  expect(summaries.writes).toBe(2);
  release();
});

test('a store that fails, or a fault in what describes the node, ends neither the process nor the summaries after it', async () => {
  let isBroken = true;
  const describe = (): NodeFacts => {
    if (isBroken) throw new Error('broken');
    return facts();
  };
  const { announcer, summaries } = announce(describe);
  expect(summaries.writes).toBe(0);
  isBroken = false;
  summaries.until = Promise.reject(new Error('away'));
  summaries.until.catch(() => {});
  announcer.announce();
  await expect.poll(() => summaries.writes).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(summaries.kept.size).toBe(0);
  summaries.until = Promise.resolve();
  announcer.announce();
  await expect.poll(() => summaries.kept.size).toBe(1);
});

test('the last summary says that the node has left', async () => {
  const { announcer, told, summaries } = announce(() => facts());
  await announcer.close();
  expect(told().state).toBe('left');
  const { writes } = summaries;
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(summaries.writes).toBe(writes);
});

test('names that are too long are cut, and lists hold the largest', async () => {
  const rooms = Array.from({ length: 500 }, (_, index) => ({ room: `${index}-${'x'.repeat(400)}`, members: index }));
  const { told, summaries } = announce(() => facts({ rooms, why: 'y'.repeat(1_000) }));
  await expect.poll(() => summaries.writes).toBe(1);
  expect(told().rooms).toHaveLength(32);
  expect(told().rooms[0]).toMatchObject({ room: expect.stringMatching(/^499-x+…$/), members: 499 });
  expect(told().why).toHaveLength(200);
});

test('pauses of the last minute are told by their longest and their 99th percentile', () => {
  const pauses = new Pauses();
  pauses.add(900, 0);
  for (let ms = 1; ms <= 200; ms++) pauses.add(ms, 30_000);
  expect(pauses.lately(60_000)).toEqual({ longestMs: 900, p99Ms: 199 });
  expect(pauses.lately(60_001)).toEqual({ longestMs: 200, p99Ms: 198 });
  expect([pauses.takeLongest(), pauses.takeLongest()]).toEqual([900, 0]);
  expect(pauses.lately(90_001)).toEqual({ longestMs: 0, p99Ms: 0 });
});
