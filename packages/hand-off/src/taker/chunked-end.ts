const lineEnd = Buffer.from('\r\n');

/** Finds where a chunked body (RFC 9112 section 7.1) ends. */
export class ChunkedEnd {
  /** Where the next line that has not been read begins. */
  #at = 0;
  #isTrailer = false;

  /** @returns the size of the body; `undefined`: it has not ended; −1: it is invalid */
  find(bytes: Buffer): number | undefined {
    for (;;) {
      const end = bytes.indexOf(lineEnd, this.#at);
      if (end < 0) return undefined;
      const next = end + lineEnd.length;
      if (this.#isTrailer) {
        if (end === this.#at) return next;
        this.#at = next;
        continue;
      }
      const size = /^([0-9a-f]{1,7})[ \t]*(;.*)?$/i.exec(bytes.toString('latin1', this.#at, end))?.[1];
      if (size === undefined) return -1;
      const length = Number.parseInt(size, 16);
      if (length === 0) {
        this.#isTrailer = true;
        this.#at = next;
        continue;
      }
      // The chunk and its line end; until they are there the size line is read again.
      if (bytes.length < next + length + lineEnd.length) return undefined;
      this.#at = next + length + lineEnd.length;
    }
  }
}
