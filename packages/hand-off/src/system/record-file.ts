import { closeSync, readSync, writeSync } from 'node:fs';

/** Size of a unit of the file, in bytes. */
const unitBytes = 256;

/** A handle is the first unit times this, plus the length in bytes. */
const lengths = 2 ** 15;

/** Keeps records in a file that is in memory only and is not mapped: they take no room in this process. */
export class RecordFile {
  readonly #descriptor: number;
  /** First units of free pieces, by size in units. */
  readonly #free = new Map<number, number[]>();
  #end = 0;

  /** @param descriptor - of an empty file, which it takes over */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @returns a handle. @throws Error if there is no memory */
  put(record: Buffer): number {
    const units = unitsOf(record.length);
    let unit = this.#free.get(units)?.pop();
    if (unit === undefined) {
      unit = this.#end;
      this.#end += units;
    }
    if (record.length > 0) writeSync(this.#descriptor, record, 0, record.length, unit * unitBytes);
    return unit * lengths + record.length;
  }

  read(handle: number): Buffer {
    const record = Buffer.allocUnsafe(handle % lengths);
    if (record.length === 0) return record;
    return record.subarray(
      0,
      readSync(this.#descriptor, record, 0, record.length, Math.floor(handle / lengths) * unitBytes),
    );
  }

  drop(handle: number): void {
    const units = unitsOf(handle % lengths);
    const unit = Math.floor(handle / lengths);
    const free = this.#free.get(units);
    if (free === undefined) this.#free.set(units, [unit]);
    else free.push(unit);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function unitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / unitBytes));
}
