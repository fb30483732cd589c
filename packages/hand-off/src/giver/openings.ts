/** How long clients may wait for a taker that was found, in milliseconds. One that is stopped never sends `welcome`. */
const openingMs = 1_000;

/** Takers that were found and have not sent `welcome` yet. */
export class Openings {
  readonly #byPort = new Map<number, Set<Promise<void>>>();

  /** A taker was found. @returns to be called when it can be used, or cannot */
  begin(port: number): () => void {
    const { promise, resolve } = deferred();
    const ofPort = this.#byPort.get(port) ?? new Set();
    this.#byPort.set(port, ofPort.add(promise));
    const end = (): void => {
      clearTimeout(deadline);
      ofPort.delete(promise);
      if (ofPort.size === 0) this.#byPort.delete(port);
      resolve();
    };
    const deadline = setTimeout(end, openingMs);
    return end;
  }

  /** Resolves when all of a port are over; `undefined`: there are none. */
  of(port: number): Promise<void> | undefined {
    const ofPort = this.#byPort.get(port);
    return ofPort === undefined ? undefined : Promise.all(ofPort).then(nothing);
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = nothing;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function nothing(): void {}
