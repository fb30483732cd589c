import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fileBytes } from '../src/notes/layout.ts';
import { Notes } from '../src/notes/notes.ts';
import { readNotes } from '../src/notes/read-notes.ts';

const slots = 2;

/** Notes of one connection, and what is read of them after the death of their process. */
function start() {
  const numbers = new Float64Array(fileBytes(slots) / 8);
  const notes = new Notes(numbers, slots);
  const ref = notes.open();
  const dir = mkdtempSync(join(tmpdir(), 'notes-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const read = () => {
    const file = openSync(join(dir, 'notes'), 'w+');
    writeSync(file, numbers);
    const noted = readNotes(file, slots, ref);
    closeSync(file);
    return noted;
  };
  return { notes, slot: ref.slot, read, numbers };
}

test('a write that was noted ahead counts in itself, and with the next note for good', () => {
  const { notes, slot, read } = start();
  notes.begin(slot, 100, 50);
  notes.wrote(slot, 10, 7, 1);
  notes.writes(slot, 5, 7, 2);
  const marks = [{ stream: 7, offset: 1 }];
  expect(read()).toEqual({ writtenAt: 110, aheadAt: 115, ahead: { stream: 7, offset: 2 }, readAt: 50, marks });
  notes.writes(slot, 1, 0, 0);
  const later = [{ stream: 7, offset: 2 }];
  expect(read()).toMatchObject({ writtenAt: 115, aheadAt: 116, ahead: { stream: 0 }, marks: later });
  notes.wrote(slot, 4, 8, 1);
  expect(read()).toMatchObject({ writtenAt: 120, aheadAt: 0, marks: [...later, { stream: 8, offset: 1 }] });
});

test('what was noted before the connection was accepted is counted from there, less what was skipped', () => {
  const { notes, slot, read } = start();
  notes.writes(slot, 30, 7, 1);
  notes.wrote(slot, -20, 0, 0);
  notes.writes(slot, 5, 0, 0);
  notes.begin(slot, 1_000, 0);
  expect(read()).toMatchObject({ writtenAt: 1_010, aheadAt: 1_015, marks: [{ stream: 7, offset: 1 }] });
});

test('whenever its process dies, a connection has what the kernel has counted, or nothing is known', () => {
  const { notes, slot, numbers, read } = start();
  notes.begin(slot, 0, 0);
  const offsets = new Map([[0, 0]]);
  let written = 0;
  const seen = new Set<string>();
  // Looks at the notes before each store, as if the process had died there.
  const watched = new Proxy(numbers, {
    set(target, at, value) {
      const noted = read();
      const count = noted && [noted.writtenAt, noted.aheadAt].indexOf(written);
      if (noted !== undefined && count !== undefined && count >= 0) {
        const { marks = [], ahead } = noted;
        const offset = count === 1 && ahead.stream === 7 ? ahead.offset : (marks[0]?.offset ?? 0);
        seen.add(count === 1 ? 'ahead' : 'settled');
        expect(offset).toBe(offsets.get(written));
      } else seen.add('unknown');
      return Reflect.set(target, at, value, target);
    },
  });
  const same = new Notes(watched, slots);
  for (let offset = 1; offset <= 5; offset++) {
    offsets.set(written + 10, offset);
    same.writes(slot, 10, 7, offset);
    written += 10;
  }
  expect([...seen].toSorted()).toEqual(['ahead', 'settled']);
});
