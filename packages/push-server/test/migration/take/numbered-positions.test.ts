import { numberOfEpoch, readNumberedPosition, writeNumberedPosition } from '@gopush/contract';
import { expect, test } from 'vitest';
import { resolvePositions } from '../../../src/migration/take/numbered-positions.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

/** Histories by their rooms. */
function historiesOf(epochs: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const history = {
    async read(room: string) {
      asked.push(room);
      return { epoch: epochs[room] } as never;
    },
  };
  return { history, asked };
}

const noted = (epoch: string, offset: number) => ({ number: numberOfEpoch(epoch), offset });

const session = sessionOf({
  node: 'node',
  engineId: 'engine.id',
  sockets: [
    socketOf({
      positions: [
        ['hall', { epoch: 'in-hall', offset: 1 }],
        ['new', null],
      ],
      reached: [['hall', { epoch: 'later', offset: 1 }]],
      emitted: { streams: [['events', 4]] },
    }),
  ],
});

test('epochs of a session are found in it: of its node, its responses, its rooms and the events of programs', async () => {
  const { history, asked } = historiesOf({});
  const all = ['node', 'engine-id', 'in-hall', 'later', 'events'].map((epoch, at) => noted(epoch, at));
  expect(await resolvePositions(all, session, history)).toEqual([
    { epoch: 'node', offset: 0 },
    { epoch: 'engine-id', offset: 1 },
    { epoch: 'in-hall', offset: 2 },
    { epoch: 'later', offset: 3 },
    { epoch: 'events', offset: 4 },
  ]);
  expect(asked).toEqual([]);
});

test('a room whose history began after the session was stored is asked for its epoch', async () => {
  const { history } = historiesOf({ new: 'begun' });
  expect(await resolvePositions([noted('begun', 9)], session, history)).toEqual([{ epoch: 'begun', offset: 9 }]);
});

test('where an epoch is not found, nothing is known', async () => {
  const { history } = historiesOf({ new: 'begun' });
  expect(await resolvePositions([noted('begun', 9), noted('gone', 1)], session, history)).toBeUndefined();
});

test('a position by number is read as it was written, and nothing else is', () => {
  for (const epoch of ['a', 'x'.repeat(64), 'engine-id', '0']) {
    const position = noted(epoch, 123_456_789_012_345);
    expect(position.number).toBeGreaterThan(0);
    expect(Number.isSafeInteger(position.number)).toBe(true);
    expect(readNumberedPosition(writeNumberedPosition(position))).toEqual(position);
  }
  for (const text of ['', '#1.2', '1.2~', '#1.~', '#-1.2~', '#1.2~x', 'incomplete', '#12345678901234567.1~'])
    expect(readNumberedPosition(text)).toBeUndefined();
});

test('epochs that look alike have different numbers', () => {
  const numbers = new Set(Array.from({ length: 100_000 }, (_, at) => numberOfEpoch(`epoch-${at}`)));
  expect(numbers.size).toBe(100_000);
});
