import { maxSummaryBytes } from '@gopush/store';
import { expect, test } from 'vitest';
import { readHistory, readRouter, readSummary } from '../../src/summary/read-summary.ts';
import type { RouterFacts } from '../../src/summary/router-state.ts';
import { mostListed } from '../../src/summary/summary.ts';
import { topCauses, topOf } from '../../src/summary/top-list.ts';
import { createSummaryWriter } from '../../src/summary/write-summary.ts';
import { payloadOf, summaryOf } from '../support/summaries.ts';

test('a summary is read as it was written, without what this version does not know', () => {
  const summary = summaryOf('a', {
    why: 'ü',
    targets: [
      {
        product: 'p',
        target: 't:1',
        state: 'up',
        connections: 3,
        perSecond: 0.5,
        errors: 2,
        causes: [{ cause: 'target_reset', count: 2 }],
      },
    ],
    rooms: [{ room: 'lobby', members: 2, perSecond: 7 }],
    moves: [
      {
        product: 'p',
        target: 't:1',
        startedMs: 9,
        endedMs: 2,
        migrated: 3,
        failedOver: 0,
        fellBack: 1,
        longestPauseMs: 80.5,
      },
    ],
    can: ['drain'],
    actions: [{ id: 'c', action: 'drain', by: 'ops', agoMs: 5 }],
    refusals: [{ cause: 'overloaded', count: 7 }],
  });
  const { history, ...head } = summary;
  const read = readSummary(createSummaryWriter()(head, history));
  expect(read?.summary).toEqual(head);
  expect(read && readHistory(read.history)).toEqual(history);
  const newer = { ...summary, mood: 'good', clients: { ...summary.clients, robots: 3 } };
  expect(readSummary(payloadOf(newer))?.summary).toEqual(head);
});

const target = {
  ...{ product: 'p', target: 't:1', state: 'up', connections: 1, perSecond: 1, errors: 1 },
  causes: [],
};

const wrong: Readonly<Record<string, unknown>> = {
  'no object': 7,
  null: null,
  'a list': [],
  'of another version': summaryOf('a', { v: 2 as never }),
  'without an id': { ...summaryOf('a'), id: undefined },
  'a negative count': summaryOf('a', { pid: -1 }),
  'a count without bounds': summaryOf('a', { pid: 1e300 }),
  'a text for a number': summaryOf('a', { upMs: '1' as never }),
  'an endless name': summaryOf('a', { name: 'x'.repeat(10_000) }),
  'too many rooms': summaryOf('a', { rooms: new Array(1_000).fill({ room: 'r', members: 1 }) }),
  'a room without a name': summaryOf('a', { rooms: [{ room: 7 as never, members: 1 }] }),
  'a room with an endless name': summaryOf('a', { rooms: [{ room: 'r'.repeat(10_000), members: 1 }] }),
  'a room that is none': summaryOf('a', { rooms: [null as never] }),
  'a target without causes': summaryOf('a', { targets: [{ ...target, causes: undefined as never }] }),
  'a target with a text for a count': summaryOf('a', { targets: [{ ...target, errors: '1' as never }] }),
  'targets that are no list': summaryOf('a', { targets: {} as never }),
};

const wrongHistories: Readonly<Record<string, unknown>> = {
  'without numbers': { ...summaryOf('a').history, messages: ['1'] },
  'without bounds': { ...summaryOf('a').history, messages: Array(999).fill(0) },
  'of other forms': { stepMs: 0 },
  absent: undefined,
};

test.each(Object.keys(wrongHistories))('a history is none: %s', (name) => {
  const read = readSummary(payloadOf({ ...summaryOf('a'), history: wrongHistories[name] }));
  expect(read?.summary.id).toBe('a');
  expect(read && readHistory(read.history)).toBeUndefined();
});

test.each(Object.keys(wrong))('%s is no summary', (name) => {
  expect(readSummary(Buffer.from(JSON.stringify(wrong[name])))).toBeUndefined();
});

const deep = `${'['.repeat(7_000)}${']'.repeat(7_000)}`;

test.each(
  Object.entries({
    nothing: '',
    'half of an object': '{',
    'an object': '{"v":1}',
    zeros: '\u0000\u0001',
    'what never closes': '['.repeat(10_000),
    'other bytes': Buffer.alloc(100, 0xff).toString('latin1'),
    'deep nesting': JSON.stringify(summaryOf('a')).replace('"clients":{', `"clients":${deep},"more":{`),
  }),
)('bytes that are no JSON of a summary are none: %s', (_name, text) => {
  expect(readSummary(Buffer.from(text, 'latin1'))).toBeUndefined();
});

test('the longest lists with the longest names still fit, and the largest entries stay', () => {
  const long = (index: number): string => `${index}${'語'.repeat(196)}`;
  const summary = summaryOf('a', {
    targets: Array.from({ length: mostListed.targets }, (_, index) => ({
      ...{ product: long(index), target: long(index), state: 'failing', why: long(index) },
      ...{ connections: 100 - index, perSecond: 1, errors: 1 },
      causes: Array.from({ length: mostListed.targetCauses }, (__, code) => ({ cause: long(code), count: 1 })),
    })),
    moves: Array.from({ length: mostListed.moves }, (_, index) => ({
      ...{ product: long(index), target: long(index), startedMs: 1, endedMs: 1 },
      ...{ migrated: 1, failedOver: 1, fellBack: 1, longestPauseMs: 1 },
    })),
    actions: Array.from({ length: mostListed.actions }, (_, index) => ({
      ...{ id: long(index), action: long(index), by: long(index), agoMs: 1, result: long(index), isDone: true },
    })),
    rooms: Array.from({ length: mostListed.rooms }, (_, index) => ({ room: long(index), members: 100 - index })),
    refusals: Array.from({ length: mostListed.causes }, (_, index) => ({ cause: long(index), count: 100 - index })),
    history: {
      ...summaryOf('a').history,
      refusals: Array.from({ length: mostListed.refusals }, (_, index) => [index, long(index), 1]),
    },
  });
  const { history, ...head } = summary;
  const payload = createSummaryWriter()(head, history);
  expect(payload.length).toBeLessThanOrEqual(maxSummaryBytes);
  const read = readSummary(payload)?.summary;
  expect(read?.targets[0]).toEqual(summary.targets[0]);
  expect(read?.rooms[0]).toEqual(summary.rooms[0]);
});

const router: RouterFacts = {
  routes: [{ host: '*.example.com', path: null, product: 'p', stripPath: false, public: true }],
  products: [
    {
      ...{ product: 'p', from: 'list', of: null, choose: 'hash', sticky: 'sid', public: false },
      targets: ['10.0.0.1:4000'],
    },
  ],
  leftOut: { routes: 0, products: 0 },
};

test('the router of an agent is read as it was written, and summaries without one have none', () => {
  const { history, ...head } = summaryOf('a');
  const write = createSummaryWriter();
  const read = readSummary(write(head, history, router));
  expect(read && readHistory(read.history)).toEqual(history);
  expect(read && readRouter(read.router)).toEqual(router);
  const without = readSummary(write(head, history));
  expect(without && readHistory(without.history)).toEqual(history);
  expect(without && readRouter(without.router)).toBeUndefined();
  for (const bytes of [
    '',
    '\n',
    '\n{}',
    '\n{"routes":7}',
    '\n[[[[',
    JSON.stringify({ ...router, routes: Array(2_000) }),
  ])
    expect(readRouter(Buffer.from(bytes))).toBeUndefined();
});

test('a router with too much for a summary tells the beginnings of its lists, and how many it leaves out', () => {
  const { history, ...head } = summaryOf('a');
  const [route, product] = [router.routes[0], router.products[0]] as const;
  const large = {
    routes: Array.from({ length: 900 }, (_, index) => ({ ...route, path: `/${index}/${'語'.repeat(900)}` })),
    products: Array.from({ length: 40 }, (_, index) => ({
      ...product,
      product: `p${index}`,
      targets: Array.from({ length: 90 }, (__, target) => `10.0.0.${target}:4000`),
    })),
    leftOut: { routes: 0, products: 5 },
  } as RouterFacts;
  const payload = createSummaryWriter()(head, history, large);
  expect(payload.length).toBeLessThanOrEqual(maxSummaryBytes);
  const read = readRouter(readSummary(payload)?.router ?? Buffer.alloc(0));
  expect(read?.products[0]?.product).toBe('p0');
  expect((read?.routes.length ?? 0) + (read?.leftOut.routes ?? 0)).toBe(900);
  expect((read?.products.length ?? 0) + (read?.leftOut.products ?? 0)).toBe(45);
});

test('of many entries the largest are listed, and causes that never occurred are not', () => {
  expect(topOf([1, 5, 3, 9], 2, (value) => value)).toEqual([9, 5]);
  expect(
    topCauses(
      new Map([
        ['a', 0],
        ['b', 2],
        ['c', 5],
      ]),
    ),
  ).toEqual([
    { cause: 'c', count: 5 },
    { cause: 'b', count: 2 },
  ]);
});
