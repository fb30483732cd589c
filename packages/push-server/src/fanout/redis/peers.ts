/** A sign of life that each push-server publishes for all others, once a second. */
export interface Beat {
  /** 1, 2, 3, … */
  readonly count: number;
  /** How often messages of this push-server may have been lost. */
  readonly losses: number;
  /** `redisAdapter.fanout`: how messages of Socket.IO travel. */
  readonly fanout: string;
  /** Since when no message of this push-server can have been lost, in milliseconds before the beat; 0 in a beat of an earlier version. */
  readonly steadyMs: number;
}

/** The state of another push-server, as far as this one knows it. */
interface Peer {
  beat: Beat | undefined;
  /** How many beats this push-server has sent since the last one of the peer. */
  silence: number;
  /** Whether the registry has dropped it since its last beat: it ended, or hangs. */
  hasLeft: boolean;
}

/** After how many such beats a peer is missing: longer than its lease in the registry. */
const mostSilence = 5;

/** After how many a peer is forgotten that the registry does not name. */
const forgetAfter = 60;

/** Most push-servers that are known at a time. */
const mostPeers = 10_000;

/** The other push-servers, judged by their beats. It only decides, and sends nothing. */
export class Peers {
  readonly #peers = new Map<string, Peer>();
  #expected: ReadonlySet<string> = new Set();

  /** The push-servers that the registry names, without this one. */
  expect(names: Iterable<string>): void {
    const before = this.#expected;
    this.#expected = new Set(names);
    for (const name of this.#expected) {
      const peer = this.#peers.get(name);
      if (peer === undefined) this.#peers.set(name, { beat: undefined, silence: 0, hasLeft: false });
    }
    for (const name of before) {
      const peer = this.#peers.get(name);
      if (peer !== undefined && !this.#expected.has(name)) peer.hasLeft = true;
    }
  }

  /** Whether a beat of a push-server came before. */
  knows(name: string): boolean {
    return this.#peers.get(name)?.beat !== undefined;
  }

  /**
   * A beat of a peer came. If it is the first one that is heard, though not the first one that was sent, the peer may have published
   * elsewhere until now: after a failover, connections that are older than this process lead to the old server of Redis for a while. Those that
   * the peer has had for longer than this process hears do not. However long a peer was silent, nothing is lost if it had sent no beat meanwhile:
   * it hung.
   *
   * @param hearsForMs - for how long this push-server has received all that is published, in milliseconds
   * @returns whether something may have been lost before this beat
   */
  heard(name: string, beat: Beat, hearsForMs: number): boolean {
    const peer = this.#peers.get(name);
    const before = peer?.beat;
    const isNew = beat.count > 1 && beat.steadyMs < hearsForMs;
    if (peer === undefined) {
      if (this.#peers.size < mostPeers) this.#peers.set(name, { beat, silence: 0, hasLeft: false });
      return isNew;
    }
    peer.beat = beat;
    peer.silence = 0;
    peer.hasLeft = false;
    if (before === undefined) return isNew;
    return beat.count !== before.count + 1 || beat.losses !== before.losses;
  }

  /** This push-server sent a beat: time has passed in which this process ran. */
  tick(): void {
    for (const [name, peer] of this.#peers) {
      peer.silence++;
      if (peer.silence > forgetAfter && !this.#expected.has(name)) this.#peers.delete(name);
    }
  }

  /** The connection is a new one: known peers get time for their next beat. */
  restart(): void {
    for (const peer of this.#peers.values()) if (peer.silence <= mostSilence) peer.silence = 0;
  }

  /** The push-servers that the registry names and whose beats do not come. */
  missing(): readonly string[] {
    return [...this.#expected].filter((name) => (this.#peers.get(name)?.silence ?? 0) > mostSilence);
  }

  /** How many the registry names. */
  get expected(): number {
    return this.#expected.size;
  }

  /** The values of `redisAdapter.fanout` that other push-servers have, besides one. */
  otherFanouts(own: string): readonly string[] {
    const others = [...this.#peers.values()].flatMap(({ beat, hasLeft }) =>
      beat === undefined || hasLeft ? [] : [beat.fanout],
    );
    return [...new Set(others)].filter((fanout) => fanout !== own);
  }
}

/** A beat as it travels. */
export function writeBeat(beat: Beat): Buffer {
  return Buffer.from(JSON.stringify(beat));
}

/** Reads a beat; `undefined` for bytes of something else, or of another version. */
export function readBeat(payload: Buffer): Beat | undefined {
  try {
    const { count, losses, fanout, steadyMs } = JSON.parse(payload.toString()) as Partial<Beat>;
    const isBeat = Number.isSafeInteger(count) && Number.isSafeInteger(losses) && typeof fanout === 'string';
    if (!isBeat) return undefined;
    const steady = Number.isSafeInteger(steadyMs) ? (steadyMs as number) : 0;
    return { count: count as number, losses: losses as number, fanout: fanout.slice(0, 32), steadyMs: steady };
  } catch {
    return undefined;
  }
}
