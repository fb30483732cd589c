/** Pings that are under way. */
export interface Pings {
  /** What to send for the next one; an answer to an earlier one counts no more. */
  next(heard: (ms: number) => void): Buffer;
  /** It, or an answer to it, came. */
  heard(payload: Buffer): void;
}

/** Opens the account of pings. */
export function createPings(): Pings {
  let count = 0;
  let sentAt = 0;
  let tell: (ms: number) => void = () => {};
  return {
    next(heard) {
      count = (count + 1) % 2 ** 32;
      sentAt = performance.now();
      tell = heard;
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(count);
      return payload;
    },
    heard(payload) {
      if (payload.length === 4 && payload.readUInt32BE() === count) tell(performance.now() - sentAt);
    },
  };
}
