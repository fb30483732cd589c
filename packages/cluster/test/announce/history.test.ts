import { expect, test } from 'vitest';
import { History, type Sample } from '../../src/announce/history.ts';

function sample(change: Partial<Sample> = {}): Sample {
  return {
    ...{ connections: 0, messages: 0, deliveries: 0, migrated: 0, failedOver: 0, fellBack: 0 },
    ...{ pauseMs: 0, loopDelayMs: 0, storeMs: 0, refusals: [] },
    ...change,
  };
}

test('a step has the increase of totals, the largest of delays, and the connections at its end', () => {
  const history = new History(0);
  history.add(sample({ connections: 5, messages: 100, loopDelayMs: 80, refusals: [['full', 2]] }), 1_000);
  history.add(sample({ connections: 7, messages: 130, loopDelayMs: 3, refusals: [['full', 6]] }), 9_999);
  expect(history.describe(9_999).history).toMatchObject({ connections: [], refusals: [] });
  history.add(sample({ connections: 9, messages: 150, refusals: [['full', 6]] }), 12_000);
  expect(history.describe(23_000)).toMatchObject({
    endedMs: 3_000,
    history: {
      connections: [7, 9],
      messages: [130, 20],
      loopDelayMs: [80, 0],
      refusals: [[1, 'full', 6]],
    },
  });
});

test('its first step is shorter where it begins within one', () => {
  const history = new History(0, 4_000);
  history.add(sample({ connections: 3 }), 5_999);
  expect(history.describe(5_999).history.connections).toEqual([]);
  expect(history.describe(6_001)).toMatchObject({ history: { connections: [3] }, endedMs: 1 });
});

test('it ends after 15 minutes, however long the process was stopped', () => {
  const history = new History(0);
  history.add(sample({ messages: 1 }), 1_000);
  for (let step = 1; step < 200; step++) history.add(sample({ messages: 1 + step }), 1_000 + step * 10_000);
  const { messages } = history.describe(2_000_000).history;
  expect(messages).toHaveLength(90);
  expect(messages.every((count) => count === 1)).toBe(true);
  const after = history.describe(1e12);
  expect(after.history.messages).toEqual(new Array(90).fill(0));
  expect(after.endedMs).toBeLessThan(10_000);
});

test('refusals of many causes do not make it longer than a summary may be', () => {
  const history = new History(0);
  for (let step = 0; step < 90; step++) {
    const refusals = Array.from({ length: 40 }, (_, index) => [`code-${index}`, (step + 1) * 3] as const);
    history.add(sample({ refusals }), step * 10_000 + 1);
  }
  const { refusals } = history.describe(900_001).history;
  expect(refusals).toHaveLength(60);
  expect(refusals[0]).toEqual([0, 'code-0', 3]);
});
