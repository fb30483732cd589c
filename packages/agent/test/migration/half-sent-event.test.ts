import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HalfSentEvent } from '../../src/migration/half-sent-event.ts';
import { FrameWalker } from '../../src/tunnel/frame-walker.ts';
import { cutAt, frame } from '../support/frames.ts';

/** A client whose frames are followed, and what its target was given. */
function createClient(limitBytes = 1_000) {
  const walker = new FrameWalker(true);
  const replay = new HalfSentEvent(limitBytes);
  let given = Buffer.alloc(0);
  return {
    replay,
    given: () => given.toString('latin1'),
    send(chunk: Buffer) {
      const boundary = walker.walk(chunk, chunk.length, { onControl() {} });
      const passed = replay.take(chunk, chunk.length, boundary, walker.wholeUntil);
      given = Buffer.concat([given, chunk.subarray(0, passed)]);
    },
    stop: () => replay.stop(walker.atBoundary, walker.atEvent),
    /** Another target continues. */
    next() {
      given = Buffer.concat(replay.release(true));
    },
    /** The same target continues. */
    goOn() {
      given = Buffer.concat([given, ...replay.release(false)]);
    },
  };
}

const event = (text: string): Buffer => frame(`42["${text}"]`, { mask: true });
const fragments = [frame('42["lo', { mask: true, fin: false }), frame('ng"]', { mask: true, opcode: 0 })] as const;
const attached = [frame('451-["b"]', { mask: true }), frame('bytes', { mask: true, opcode: 2 })] as const;

test('between two events nothing is kept, and the client is stopped at once', () => {
  const { replay, send, stop } = createClient();
  send(event('one'));
  expect(replay.bytes).toBe(0);
  stop();
  expect([replay.isStopped, replay.isStopping]).toEqual([true, true]);
});

test('within a frame the client is stopped at the last end of an event in the chunk; what comes behind it waits', () => {
  const { replay, send, stop, given, goOn } = createClient();
  const [one, two] = [event('one'), event('two')];
  send(one.subarray(0, 5));
  stop();
  expect([replay.isStopped, replay.isStopping]).toEqual([false, true]);
  send(Buffer.concat([one.subarray(5), two.subarray(0, 9)]));
  expect([replay.isStopped, given()]).toEqual([true, one.toString('latin1')]);
  send(two.subarray(9));
  send(event('three'));
  expect(given()).not.toMatch(/two|three/);
  goOn();
  expect(given().match(/one|two|three/g)).toEqual(['one', 'two', 'three']);
  expect([replay.isStopping, replay.bytes]).toEqual([false, 0]);
});

describe.each([
  ['a message of two frames', fragments],
  ['an event with an attachment', attached],
])('within %s', (_what, [first, rest]) => {
  test('the client is stopped between its frames, and the next target gets it whole', () => {
    const { replay, send, stop, given, next } = createClient();
    send(first);
    stop();
    expect(replay.isStopped).toBe(true);
    send(rest);
    next();
    expect(given()).toBe(Buffer.concat([first, rest]).toString('latin1'));
  });

  test('asked for within its first frame, the client is stopped at the end of that frame', () => {
    const { replay, send, stop, given, next } = createClient();
    send(first.subarray(0, 5));
    stop();
    expect(replay.isStopped).toBe(false);
    send(Buffer.concat([first.subarray(5), rest.subarray(0, 3)]));
    expect([replay.isStopped, given()]).toEqual([true, first.toString('latin1')]);
    send(rest.subarray(3));
    next();
    expect(given()).toBe(Buffer.concat([first, rest]).toString('latin1'));
  });

  test('after a crash the next target gets it from its beginning, and so does the one after it', () => {
    const { replay, send, given, next } = createClient();
    send(Buffer.concat([event('whole'), first]));
    for (let count = 0; count < 2; count++) {
      replay.stopNow();
      next();
      expect(given()).toBe(first.toString('latin1'));
    }
    send(rest);
    expect(given()).toBe(Buffer.concat([first, rest]).toString('latin1'));
    expect(replay.bytes).toBe(0);
  });

  test('the same target gets no part of it twice', () => {
    const { send, stop, given, goOn } = createClient();
    send(first);
    stop();
    send(rest);
    goOn();
    expect(given()).toBe(Buffer.concat([first, rest]).toString('latin1'));
  });
});

describe('an event that is longer than the limit', () => {
  const long = frame('x'.repeat(2_000), { mask: true });

  test('is not kept: the session cannot go to another target within it, but after it', () => {
    const { replay, send } = createClient();
    send(long.subarray(0, 1_500));
    expect([replay.isComplete, replay.bytes]).toEqual([false, 0]);
    send(long.subarray(1_500));
    expect(replay.isComplete).toBe(true);
  });

  test('stops the client at its end only', () => {
    const { replay, send, stop, given } = createClient();
    const [first, rest] = [frame('x'.repeat(2_000), { mask: true, fin: false }), frame('y', { mask: true, opcode: 0 })];
    send(first);
    stop();
    expect(replay.isStopped).toBe(false);
    send(Buffer.concat([rest, event('behind').subarray(0, 9)]));
    expect(replay.isStopped).toBe(true);
    expect(given()).toBe(Buffer.concat([first, rest]).toString('latin1'));
  });

  test('of the limit exactly is kept', () => {
    const { replay, send } = createClient(long.length - 1);
    send(long.subarray(0, -1));
    expect([replay.isComplete, replay.bytes]).toEqual([true, long.length - 1]);
  });
});

const piece = fc.constantFrom([event('a')], [event('bb')], fragments, attached);

test('whatever is cut, stopped and lost: the last target has each event once, from the first that its predecessor had not whole', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.array(fc.constantFrom('stop', 'crash', 'none'), { maxLength: 12 }),
      (pieces, places, faults) => {
        const bytes = Buffer.concat(pieces.flat());
        const { send, stop, replay, given, next } = createClient(10_000);
        let end = 0;
        const ends = pieces.map((one) => {
          end += Buffer.concat([...one]).length;
          return end;
        });
        /** How many bytes no target needs any more. */
        let done = 0;
        let sent = 0;
        cutAt(bytes, places).forEach((chunk, index) => {
          send(chunk);
          sent += chunk.length;
          const fault = faults[index];
          if (fault === 'stop') stop();
          if (fault !== 'crash') return;
          // The target had all that it was given.
          const had = done + given().length;
          done = Math.max(0, ...ends.filter((end) => end <= had));
          replay.stopNow();
          next();
          expect(given()).toBe(bytes.subarray(done, sent).toString('latin1'));
        });
        if (replay.isStopped) {
          done = Math.max(0, ...ends.filter((end) => end <= done + given().length));
          next();
        }
        expect(given()).toBe(bytes.subarray(done, bytes.length).toString('latin1'));
      },
    ),
    { numRuns: 500 },
  );
});

test('an incomplete event that comes byte by byte costs no more than its bytes', () => {
  const cost = (bytes: number): number => {
    const replay = new HalfSentEvent(bytes);
    const before = process.cpuUsage();
    for (let count = 0; count < bytes; count++) replay.take(Buffer.of(0x78), 1, 0, 0);
    const { user, system } = process.cpuUsage(before);
    expect(replay.bytes).toBe(bytes);
    return user + system;
  };
  cost(10_000);
  // Copying all of it with each byte would take a hundred times as long.
  expect(cost(150_000) / cost(15_000)).toBeLessThan(40);
});
