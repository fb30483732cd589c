import { Server } from 'socket.io';
import { expect, test } from 'vitest';
import { encodeWithPosition, escapeForeignPositions } from '../../src/emit/position-escape.ts';

test('only events of ours and answers to CONNECT may end in the form of a position', () => {
  const io = new Server();
  escapeForeignPositions(io);
  const { encoder } = io as unknown as { encoder: { encode(packet: object): string[] } };
  const event = (data: unknown[]): object => ({ type: 2, nsp: '/', data });
  expect(encoder.encode(event(['said', 'a.1~']))).toEqual(['2["said","a.1~" ]']);
  expect(encoder.encode(event(['said', { last: 'a.1~' }]))).toEqual(['2["said",{"last":"a.1~"}]']);
  expect(encoder.encode(event(['said', 'a.1']))).toEqual(['2["said","a.1"]']);
  expect(encoder.encode({ type: 0, nsp: '/', data: { sid: 's', pid: 'a.1~' } })).toEqual(['0{"sid":"s","pid":"a.1~"}']);
  const encode = (packet: object): string[] => encoder.encode(packet);
  expect(encodeWithPosition(encode, event(['said', 'a.1~']))).toEqual(['2["said","a.1~"]']);
  expect(() =>
    encodeWithPosition(() => {
      throw new Error('cannot be encoded');
    }, undefined),
  ).toThrow('cannot be encoded');
  // A failure does not leave the next event without its escape.
  expect(encoder.encode(event(['said', 'a.1~']))).toEqual(['2["said","a.1~" ]']);
});
