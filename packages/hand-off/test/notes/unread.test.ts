import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { judgeOrphan } from '../../src/giver/after-taker-crash.ts';
import type { Handed } from '../../src/giver/handed.ts';
import { fileBytes, firstPieceAt, pieceNumbers, readBufferAt } from '../../src/notes/layout.ts';
import { Notes } from '../../src/notes/notes.ts';
import type { KernelSocket } from '../../src/system/kernel-socket.ts';

const slots = 2;
const before = 50;

/** A taker with one connection that is watched: before each store to its notes, and whenever the test wants it, it may have died. */
function start(look: (unread: string | undefined) => void, hasLast = true) {
  const numbers = new Float64Array(fileBytes(slots) / 8);
  const notes = new Notes(
    new Proxy(numbers, {
      get(target, at) {
        const value = Reflect.get(target, at, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
      set(target, at, value) {
        judge();
        return Reflect.set(target, at, value, target);
      },
    }),
    slots,
  );
  const folder = mkdtempSync(join(tmpdir(), 'notes-'));
  const file = openSync(join(folder, 'file'), 'w+');
  ftruncateSync(file, fileBytes(slots));
  onTestFinished(() => {
    closeSync(file);
    rmSync(folder, { recursive: true });
  });
  let isOpen = false;
  let bytesIn = before;
  const judge = (): void => {
    if (!isOpen) return;
    for (const [at, end] of [
      [0, 512],
      ...[1, 2, 3].map((piece) => {
        const first = (firstPieceAt(slots) + piece * pieceNumbers) * 8;
        return [first, first + 512] as const;
      }),
      [readBufferAt(slots), readBufferAt(slots) + 512],
    ] as const)
      writeSync(file, new Uint8Array(numbers.buffer, at, end - at), 0, end - at, at);
    const kernel = { counts: () => ({ bytesIn, bytesOut: 0, isEnding: false }) } as unknown as KernelSocket;
    const handed = { descriptor: 0, slot: ref.slot, generation: ref.generation } as unknown as Handed<unknown>;
    const orphan = judgeOrphan(handed, kernel, { descriptor: file, slots, hasLast }, undefined);
    look(orphan.taker === 'clean' ? (orphan.unread ?? Buffer.alloc(0)).toString() : undefined);
  };
  const ref = notes.open();
  notes.begin(ref.slot, 0, before);
  isOpen = true;
  return {
    notes,
    slot: ref.slot,
    /** As read(2) does, before anything is noted. */
    read(text: string): number {
      bytesIn += notes.readBuffer.write(text);
      judge();
      return bytesIn;
    },
    judge,
  };
}

const step = fc.record({
  size: fc.integer({ min: 1, max: 20 }),
  /** How many of the bytes that are not handled yet are handled now; −1: nobody knows. */
  handled: fc.integer({ min: -1, max: 40 }),
  isOfOther: fc.boolean(),
});

test('whenever its process dies, what is not handled is given on, or known to be lost', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      let isKnown = true;
      let allowed: (string | undefined)[] = [''];
      const { notes, slot, read, judge } = start((unread) => expect(allowed).toContain(unread));
      const other = notes.open();
      let unhandled = '';
      let next = 0;
      for (const { size, handled, isOfOther } of steps) {
        if (isOfOther) {
          notes.readBuffer.fill('x');
          notes.half(other.slot, 7, Buffer.from('other'));
          notes.read(other.slot, 9);
          judge();
          continue;
        }
        const text = Array.from({ length: size }, () => String.fromCharCode(97 + (next++ % 26))).join('');
        const all = unhandled + text;
        allowed = [isKnown ? all : undefined];
        const count = read(text);
        const rest = handled < 0 ? undefined : all.slice(handled);
        allowed.push(rest);
        if (rest === undefined) notes.sees(slot, count);
        else if (rest === '') notes.read(slot, count);
        else notes.half(slot, count, Buffer.from(rest));
        // Whatever was noted before stays.
        notes.sees(slot, count);
        allowed = [rest];
        judge();
        isKnown = rest !== undefined;
        unhandled = rest ?? '';
      }
    }),
    { numRuns: 60 },
  );
});

test('of a taker that does not say what it has read last, it is lost', () => {
  const seen: (string | undefined)[] = [];
  const { notes, slot, read } = start((unread) => seen.push(unread), false);
  read('abc');
  notes.half(slot, before + 3, Buffer.from('bc'));
  seen.length = 0;
  read('d');
  notes.read(slot, before + 4);
  expect([...new Set(seen)]).toEqual([undefined, '']);
});
