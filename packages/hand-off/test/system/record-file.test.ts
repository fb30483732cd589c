import { closeSync, fstatSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { RecordFile } from '../../src/system/record-file.ts';
import { temporaryFolder } from '../support/front.ts';

function openRecords(): { records: RecordFile; size: () => number } {
  const path = join(temporaryFolder(), 'records');
  const descriptor = openSync(path, 'wx+');
  unlinkSync(path);
  onTestFinished(() => closeSync(descriptor));
  return { records: new RecordFile(descriptor), size: () => fstatSync(descriptor).size };
}

test('each record is read as it was put, however many others come and go', () => {
  const step = fc.record({
    /** How long a new record is; `undefined`: one is dropped. */
    bytes: fc.option(fc.nat(32_767), { nil: undefined }),
    at: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { size: '+1', maxLength: 200 }), (steps) => {
      const { records } = openRecords();
      const known = new Map<number, Buffer>();
      for (const [index, { bytes, at }] of steps.entries()) {
        const handles = [...known.keys()];
        const handle = handles[at % handles.length];
        if (bytes !== undefined) {
          const record = Buffer.alloc(bytes, index % 251);
          known.set(records.put(record), Buffer.from(record));
          record.fill(0);
        } else if (handle !== undefined) {
          records.drop(handle);
          known.delete(handle);
        }
        for (const [one, record] of known) if (!records.read(one).equals(record)) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

test('the newest records are written when there is no more room for them, and pieces of the file are used again', () => {
  const { records, size } = openRecords();
  const [first, ...others] = Array.from({ length: 256 }, (_, index) => records.put(Buffer.alloc(1_024, index)));
  expect(size()).toBe(0);
  records.drop(first as number);
  records.put(Buffer.alloc(1_024, 1));
  expect(size()).toBe(256 * 1_024);
  for (const handle of others) records.drop(handle);
  for (let turn = 0; turn < 1_000; turn++) records.drop(records.put(Buffer.alloc(1_000, turn)));
  for (let turn = 0; turn < 255; turn++) records.put(Buffer.alloc(1_024, turn));
  records.put(Buffer.alloc(1_024, 255));
  expect(size()).toBe(256 * 1_024);
});

test('a record that finds no memory is refused, and those before it can still be read', () => {
  const descriptor = openSync('/dev/full', 'r+');
  onTestFinished(() => closeSync(descriptor));
  const records = new RecordFile(descriptor);
  const handles = Array.from({ length: 16 }, (_, index) => records.put(Buffer.alloc(16_384, index)));
  expect(() => records.put(Buffer.from('one more'))).toThrow(/ENOSPC/);
  for (const [index, handle] of handles.entries()) expect(records.read(handle)[0]).toBe(index);
  for (const handle of handles) records.drop(handle);
  expect(records.read(records.put(Buffer.from('one more'))).toString()).toBe('one more');
});
