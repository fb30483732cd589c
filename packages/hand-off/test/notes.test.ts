import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  fileBytes,
  firstPieceAt,
  pieceNumbers,
  pieces,
  type SlotRef,
  slotFields,
  slotNumbers,
} from '../src/notes/layout.ts';
import { Notes } from '../src/notes/notes.ts';
import { readHalf, readNotes } from '../src/notes/read-notes.ts';

const slots = 2;

/** Notes of one connection, and what is read of them after the death of their process. */
function start() {
  const numbers = new Float64Array(fileBytes(slots) / 8);
  const notes = new Notes(numbers, slots);
  const ref = notes.open();
  const dir = mkdtempSync(join(tmpdir(), 'notes-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const inFile = <T>(look: (file: number) => T): T => {
    const file = openSync(join(dir, 'notes'), 'w+');
    writeSync(file, numbers.subarray(0, firstPieceAt(slots) + 3 * pieceNumbers));
    const found = look(file);
    closeSync(file);
    return found;
  };
  const read = () => inFile((file) => readNotes(file, slots, ref));
  const halfAt = (count: number) =>
    inFile((file) => readHalf(file, slots, readNotes(file, slots, ref)?.piece ?? 0, count)?.toString());
  return { notes, slot: ref.slot, read, halfAt, numbers };
}

test('a write that was noted ahead counts in itself, and with the next note for good', () => {
  const { notes, slot, read } = start();
  notes.begin(slot, 100, 50);
  notes.wrote(slot, 10, 7, 1);
  notes.writes(slot, 5, 7, 2);
  const marks = [{ stream: 7, offset: 1 }];
  const ahead = { stream: 7, offset: 2 };
  expect(read()).toEqual({ writtenAt: 110, aheadAt: 115, ahead, others: [], readAt: 50, piece: 0, marks });
  notes.writes(slot, 1, 0, 0);
  const later = [{ stream: 7, offset: 2 }];
  expect(read()).toMatchObject({ writtenAt: 115, aheadAt: 116, ahead: { stream: 0 }, marks: later });
  notes.wrote(slot, 4, 8, 1);
  expect(read()).toMatchObject({ writtenAt: 120, aheadAt: 0, marks: [...later, { stream: 8, offset: 1 }] });
});

test('whenever its process dies at a write of several streams, the client has had all of them or none', () => {
  const { notes, slot, read, numbers } = start();
  notes.begin(slot, 100, 50);
  notes.wrote(slot, 10, 7, 1);
  const other = notes.open();
  const seen = new Set<string>();
  const before = { 7: 1 };
  const after = { 7: 4, 8: 3, 9: 5 };
  let written = 110;
  const look = (): void => {
    const noted = read();
    if (noted === undefined || ![noted.writtenAt, noted.aheadAt].includes(written)) throw new Error('half written');
    const { marks = [], others, ahead, aheadAt } = noted;
    const all = aheadAt === written ? [...marks, ...others, ahead] : marks;
    const last = Object.fromEntries(all.map(({ stream, offset }) => [stream, offset]));
    expect(last).toEqual(written === 110 ? before : after);
    seen.add(`${written} ${aheadAt === written ? 'ahead' : 'settled'}`);
  };
  const watched = new Proxy(numbers, {
    get: getOf,
    set(target, at, value) {
      look();
      return Reflect.set(target, at, value, target);
    },
  });
  const same = new Notes(watched, slots);
  const marks = [
    { stream: 7, offset: 2 },
    { stream: 8, offset: 3 },
    { stream: 7, offset: 4 },
  ];
  same.writesOthers(slot, 20, marks);
  same.writes(slot, 20, 9, 5);
  look();
  written = 130;
  look();
  same.wrote(slot, 0, 0, 0);
  look();
  same.writesOthers(other.slot, 20, [{ stream: 8, offset: 99 }]);
  same.writes(other.slot, 20, 9, 99);
  same.wrote(other.slot, 0, 0, 0);
  look();
  expect([...seen]).toEqual(['110 settled', '130 ahead', '130 settled']);
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
    get: getOf,
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

test('the beginning of a message is read at the count with which it was noted, and at no other one', () => {
  const { notes, slot, read, halfAt } = start();
  notes.begin(slot, 0, 50);
  expect([read()?.piece, halfAt(50)]).toEqual([0, undefined]);
  notes.half(slot, 53, Buffer.from('abc'));
  expect([read()?.readAt, halfAt(53), halfAt(50), halfAt(54)]).toEqual([-53, 'abc', undefined, undefined]);
  notes.half(slot, 55, Buffer.from('abcde'));
  expect([halfAt(53), halfAt(55)]).toEqual([undefined, 'abcde']);
  notes.half(slot, 90_000, Buffer.alloc(65_537));
  expect([read()?.readAt, halfAt(90_000)]).toEqual([-55, undefined]);
  notes.read(slot, 90_010);
  expect([read()?.readAt, read()?.piece]).toEqual([90_010, 0]);
});

/** A method of an array needs the array itself. */
function getOf(target: Float64Array, at: string | symbol): unknown {
  const value = Reflect.get(target, at, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

test('a piece that another connection had says nothing of this one, even at the same count', () => {
  const { notes, slot, halfAt, numbers } = start();
  const other = notes.open();
  notes.half(other.slot, 10, Buffer.from('of the other'));
  notes.close(other.slot);
  const seen: unknown[] = [];
  const watched = new Proxy(numbers, {
    get: getOf,
    set(target, at, value) {
      seen.push(halfAt(10));
      return Reflect.set(target, at, value, target);
    },
  });
  const same = new Notes(watched, slots);
  same.half(slot, 10, Buffer.from('own'));
  expect([seen.filter((text) => text !== undefined && text !== 'own'), halfAt(10)]).toEqual([[], 'own']);
});

test('if there is no other piece for a beginning, nothing is known while its own one changes', () => {
  const numbers = new Float64Array(fileBytes(pieces) / 8);
  const stored: unknown[] = [];
  const [readAt, pieceAt] = [slotNumbers + slotFields.readAt, firstPieceAt(pieces) + pieceNumbers];
  const watched = new Proxy(numbers, {
    get: getOf,
    set(target, at, value) {
      if (Number(at) === readAt) stored.push(['read', value]);
      if (Number(at) === pieceAt) stored.push(['half', value]);
      return Reflect.set(target, at, value, target);
    },
  });
  const notes = new Notes(watched, pieces);
  const all = Array.from({ length: pieces }, () => notes.open());
  for (const { slot } of all) notes.half(slot, 5, Buffer.from('half'));
  stored.length = 0;
  notes.half(1, 7, Buffer.from('longer'));
  expect(stored).toEqual([
    ['read', -7],
    ['half', 0],
    ['half', 7],
    ['read', -7],
  ]);
});

test('beginnings of more connections than there are pieces for are not noted, and pieces that are free again are used', () => {
  const many = pieces + 1;
  const numbers = new Float64Array(fileBytes(many) / 8);
  const notes = new Notes(numbers, many);
  const all = Array.from({ length: many }, () => notes.open());
  for (const { slot } of all) notes.half(slot, 5, Buffer.from('half'));
  const pieceOf = ({ slot }: { readonly slot: number }) => numbers[slot * slotNumbers + slotFields.piece];
  expect([pieceOf(all[pieces - 1] as SlotRef), pieceOf(all[pieces] as SlotRef)]).toEqual([pieces, 0]);
  notes.read((all[3] as SlotRef).slot, 9);
  notes.half((all[pieces] as SlotRef).slot, 5, Buffer.from('half'));
  expect(pieceOf(all[pieces] as SlotRef)).toBe(4);
});
