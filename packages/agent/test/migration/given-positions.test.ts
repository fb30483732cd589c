import { expect, test } from 'vitest';
import { GivenPositions } from '../../src/migration/given-positions.ts';
import { FrameWalker } from '../../src/tunnel/frame-walker.ts';
import { frame } from '../support/frames.ts';

/** What is known of a client after a target has sent these chunks. */
function positionsOf(...chunks: readonly Buffer[]): string {
  const walker = new FrameWalker(true);
  const positions = new GivenPositions();
  for (const chunk of chunks) {
    walker.walk(chunk, chunk.length, {
      onControl() {},
      onDataEnd: (bytes, end, place) => positions.read(bytes, end, place),
    });
    if (!walker.atBoundary && walker.openControlBytes === 0) positions.keepCut(chunk, chunk.length);
  }
  return positions.write();
}

test('the last position of each epoch counts', () => {
  expect(positionsOf(frame('42["n",1,"a.1~"]'), frame('42["n",2,"a.2~"]'), frame('42["n",1,"b.7~"]'))).toBe(
    'a.2~,b.7~',
  );
});

test('a frame may be cut anywhere', () => {
  const bytes = frame(`42["n","${'x'.repeat(300)}","epoch.12~"]`);
  for (let at = 1; at < bytes.length; at++) {
    expect(positionsOf(bytes.subarray(0, at), bytes.subarray(at))).toBe('epoch.12~');
  }
});

test.each([
  ['a response to CONNECT', '40{"sid":"s","mark":"a.3~"}', 'a.3~'],
  ['an event of another namespace', '42/a,["chat","a.1~"]', ''],
  ['the event for positions in another namespace', '42/a,["go:mark","a.1~"]', 'a.1~'],
  ['text of a client that quotes that event', '42/a,["x","[\\"go:mark\\",","a.1~"]', ''],
  ['an event that wants a response', '421["go:mark","a.1~"]', ''],
  ['a response of Socket.IO', '431["go:mark","a.1~"]', ''],
  ['an offset that is no number', '42["n","a.x~"]', ''],
  ['an epoch that is too long', `42["n","${'a'.repeat(65)}.1~"]`, ''],
  ['what would be another header', '42["n","a\\r\\nx: y.1~"]', ''],
])('%s', (_what, text, expected) => {
  expect(positionsOf(frame(text))).toBe(expected);
});

test('binary messages have none', () => {
  expect(positionsOf(frame('["x","a.1~"]', { opcode: 2 }))).toBe('');
});

test('of more than 64 rooms the first 64 are followed, and the target is told', () => {
  const frames = Array.from({ length: 65 }, (_, index) => frame(`42["n","e${index}.1~"]`));
  const all = positionsOf(...frames, frame('42["n","e0.2~"]')).split(',');
  expect(all).toHaveLength(65);
  expect([all[0], all.at(-1)]).toEqual(['e0.2~', 'incomplete']);
});
