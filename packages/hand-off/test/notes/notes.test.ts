import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { fileBytes, firstPieceAt } from '../../src/notes/layout.ts';
import { Notes } from '../../src/notes/notes.ts';
import { type Noted, readNotes } from '../../src/notes/read-notes.ts';

const slots = 8;

/** Notes in memory, and what another process reads of them. */
function openNotes(numbers = new Float64Array(fileBytes(slots) / 8)): {
  readonly notes: Notes;
  readonly numbers: Float64Array;
  read(slot: number, generation: number, of?: Float64Array): Noted | undefined;
} {
  const folder = mkdtempSync(join(tmpdir(), 'notes-'));
  const descriptor = openSync(join(folder, 'file'), 'w+');
  onTestFinished(() => {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });
  return {
    notes: new Notes(numbers, slots),
    numbers,
    read(slot, generation, of = numbers) {
      const bytes = new Uint8Array(of.buffer, 0, Math.min(of.byteLength, firstPieceAt(slots) * 8));
      writeSync(descriptor, bytes, 0, bytes.length, 0);
      return readNotes(descriptor, slots, { slot, generation });
    },
  };
}

/** By stream, so that the order does not count. */
function byStream(noted: Noted | undefined): Record<string, number> | undefined {
  return noted?.marks && Object.fromEntries(noted.marks.map(({ stream, offset }) => [stream, offset]));
}

test('what is read is what was noted, for any number of streams up to 64', () => {
  const stream = fc.integer({ min: 1, max: 70 });
  const step = fc.oneof(
    fc.record({ stream, bytes: fc.nat(1_000), offset: fc.nat(1_000_000) }),
    fc.record({ forget: stream }),
  );
  const { notes, read } = openNotes();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const { slot, generation } = notes.open();
      const model = new Map<number, number>();
      let written = 100;
      let isOver = false;
      notes.begin(slot, 100, 50);
      for (const each of steps) {
        if ('forget' in each) {
          notes.forget(slot, each.forget);
          model.delete(each.forget);
        } else {
          notes.wrote(slot, each.bytes, each.stream, each.offset);
          written += each.bytes;
          model.set(each.stream, each.offset);
          isOver ||= model.size > 64;
        }
      }
      const noted = read(slot, generation);
      expect([noted?.writtenAt, noted?.readAt]).toEqual([written, 50]);
      expect(byStream(noted)).toEqual(isOver ? undefined : Object.fromEntries(model));
      notes.close(slot);
      expect(read(slot, generation)).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});

test('a process may die between any two stores: what is read is true at that count, or is not valid', () => {
  // Takes a picture of the memory after each store.
  const pictures: Float64Array[] = [];
  const memory = new Float64Array(fileBytes(slots) / 8);
  const watched = new Proxy(memory, {
    get: (target, key) => {
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, key, value) => {
      target[Number(key)] = value;
      pictures.push(target.slice(0, 200));
      return true;
    },
  });
  const { notes, read } = openNotes(watched);
  const { slot, generation } = notes.open();
  notes.begin(slot, 1_000, 0);
  const truth = new Map<number, Record<string, number>>([[1_000, {}]]);
  const model: Record<string, number> = {};
  let written = 1_000;
  for (let turn = 1; turn <= 12; turn++) {
    const stream = 1 + (turn % 4);
    notes.wrote(slot, 10, stream, turn);
    written += 10;
    model[stream] = turn;
    truth.set(written, { ...model });
  }
  const valid = pictures
    .map((picture) => read(slot, generation, picture))
    .filter((noted) => truth.has(noted?.writtenAt ?? 0));
  expect(valid.length).toBeGreaterThan(10);
  for (const noted of valid) expect(byStream(noted)).toEqual(truth.get(noted?.writtenAt as number));
});

test('a slot that another connection has now is not read, and without slots nothing is noted', () => {
  const { notes, read } = openNotes();
  const first = notes.open();
  notes.close(first.slot);
  const second = notes.open();
  expect(second.slot).toBe(first.slot);
  expect(read(first.slot, first.generation)).toBeUndefined();
  expect(read(second.slot, second.generation)).toBeDefined();
  for (let count = 1; count < slots; count++) expect(notes.open().slot).toBeGreaterThan(0);
  const none = notes.open();
  expect(none).toEqual({ slot: 0, generation: 0 });
  notes.wrote(none.slot, 1, 2, 3);
  notes.forget(none.slot, 2);
  expect(read(none.slot, none.generation)).toBeUndefined();
});
