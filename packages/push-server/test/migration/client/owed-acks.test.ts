import { expect, test } from 'vitest';
import { ackSent, oweAck, owedAcks } from '../../../src/migration/client/owed-acks.ts';

test('acks that handlers owe are counted by the sockets that were asked', () => {
  const [one, other] = [{} as never, {} as never];
  expect(owedAcks([one, other])).toBe(0);
  oweAck(one);
  oweAck(one);
  oweAck(other);
  oweAck(undefined);
  expect(owedAcks([one, other])).toBe(3);
  ackSent(one);
  ackSent(undefined);
  // Acks that nobody asked for do not count for others.
  ackSent(other);
  ackSent(other);
  expect([owedAcks([one]), owedAcks([other])]).toEqual([1, 0]);
});
