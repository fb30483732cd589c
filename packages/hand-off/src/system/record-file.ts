import { closeSync, readSync, writeSync } from 'node:fs';

/** Size of a unit of the file, in bytes. */
const unitBytes = 256;

/** A handle is the first unit times this, plus the length in bytes, which is smaller. */
const perUnit = 2 ** 15;

/** Bytes for the newest records, which are written only when there is no more room for them: many connections end before that. */
const newestBytes = 256 * 1024;

/** Keeps records in a file that is in memory only and is not mapped: they take no room in this process, but for the newest ones. */
export class RecordFile {
  readonly #descriptor: number;
  /** First units of free pieces, by size in units. */
  readonly #free = new Map<number, number[]>();
  #end = 0;
  readonly #newest = Buffer.allocUnsafeSlow(newestBytes);
  /** Where the records begin that are not written yet, by handle. */
  readonly #starts = new Map<number, number>();
  #used = 0;

  /** @param descriptor - of an empty file, which it takes over */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * @param record - at most 32,767 bytes
   * @returns a handle
   * @throws Error if there is no memory
   */
  put(record: Buffer): number {
    if (this.#used + record.length > newestBytes) this.#write();
    const units = unitsOf(record.length);
    let unit = this.#free.get(units)?.pop();
    if (unit === undefined) {
      unit = this.#end;
      this.#end += units;
    }
    const handle = unit * perUnit + record.length;
    this.#starts.set(handle, this.#used);
    this.#used += record.copy(this.#newest, this.#used);
    return handle;
  }

  read(handle: number): Buffer {
    const record = Buffer.allocUnsafe(handle % perUnit);
    const start = this.#starts.get(handle);
    if (start !== undefined) {
      this.#newest.copy(record, 0, start, start + record.length);
      return record;
    }
    return record.subarray(0, readSync(this.#descriptor, record, 0, record.length, placeOf(handle)));
  }

  drop(handle: number): void {
    this.#starts.delete(handle);
    if (this.#starts.size === 0) this.#used = 0;
    const units = unitsOf(handle % perUnit);
    const unit = Math.floor(handle / perUnit);
    const free = this.#free.get(units);
    if (free === undefined) this.#free.set(units, [unit]);
    else free.push(unit);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Writes the newest records, so that there is room for others. @throws Error if there is no memory: those that are not written stay */
  #write(): void {
    for (const [handle, start] of this.#starts) {
      writeSync(this.#descriptor, this.#newest, start, handle % perUnit, placeOf(handle));
      this.#starts.delete(handle);
    }
    this.#used = 0;
  }
}

/** The offset of a record in the file. */
function placeOf(handle: number): number {
  return Math.floor(handle / perUnit) * unitBytes;
}

function unitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / unitBytes));
}
