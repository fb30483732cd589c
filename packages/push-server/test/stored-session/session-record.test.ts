import { expect, test } from 'vitest';
import type { Delivery } from '../../src/rooms/delivery/recent-deliveries.ts';
import { decodeSession, encodeSession } from '../../src/stored-session/session-record.ts';

const session = { engineId: 'e', uid: 'ann', node: 'n', isExact: true, tailAfter: 7, sockets: [] };

/** Deliveries to some rooms in turn, one of which has begun anew in between. */
function deliveries(times: number): Delivery[] {
  return Array.from({ length: times }, (_, index) => ({
    room: `r:room ${index % 3}`,
    position: { epoch: index > times / 2 ? 'a later epoch' : 'an epoch', offset: 1_000_000 + index },
    count: 5_000_000 + 2 * index,
  }));
}

test('a session with what may not have reached its client is read as it was written', () => {
  for (const times of [0, 1, 2, 1_000]) {
    const record = { ...session, tail: deliveries(times) };
    expect(decodeSession(encodeSession(record))).toEqual(record);
  }
});

test('a thousand deliveries take little, as every client that is cut off has its own', () => {
  expect(encodeSession({ ...session, tail: deliveries(1_000) }).length).toBeLessThan(6_000);
});

test('what is of another version, or damaged, is no session', () => {
  const bytes = encodeSession({ ...session, tail: deliveries(3) });
  for (const wrong of [Buffer.alloc(0), Buffer.from('x'), bytes.subarray(0, 40)]) {
    expect(decodeSession(wrong)).toBeUndefined();
  }
});
