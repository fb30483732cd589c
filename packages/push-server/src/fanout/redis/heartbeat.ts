import type { Logger } from '@gopush/service';
import { type Beat, Peers, readBeat, writeBeat } from './peers.ts';

/** Between two beats, in milliseconds. */
const beatMs = 1_000;

/** How many of its own beats a push-server may miss until the bus counts as broken. */
const maxUnheard = 3;

/** Number of beats before connections are reopened: at first `firstMend`, then twice as many each time, up to `longestMend`. */
const firstMend = 1;
const longestMend = 60;

/** How long after it met others, or was met, a push-server sends a beat out of turn, in milliseconds. */
const greetMs = 20;

/** Gaps that are found within this time are handled as one, in milliseconds. */
const gapMs = 100;

/** Options of a heartbeat. */
export interface HeartbeatOptions {
  /** Name of this push-server on the bus. */
  readonly node: string;
  /** `redisAdapter.fanout`. */
  readonly fanout: string;
  readonly publish: (beat: Buffer) => void;
  /** Whether both connections are there, so that a beat can come. */
  readonly isConnected: () => boolean;
  /** Subscribes once more: there is a connection, but its subscriptions may be lost. */
  readonly restore: () => void;
  /** Ends all connections, so that they are reopened. */
  readonly reconnect: () => void;
  /** Messages of other push-servers may have been lost. */
  readonly onGap: () => void;
  readonly log: Logger;
}

/**
 * Finds out whether push-servers reach each other. Each publishes a beat a second, which reaches all, itself included. A Redis server that was
 * demoted, or to which no other push-server is connected, responds to every command: only the beats of others show that messages arrive.
 */
export class Heartbeat {
  readonly peers = new Peers();
  /** How often messages of others may have been lost, so that all rooms read their histories. */
  gaps = 0;
  /** How often connections were reopened because no beat came. */
  mends = 0;
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #heard = 0;
  /** Own beats since the last one that came back, and since most others were missing. */
  #unheard = 0;
  #alone = 0;
  #mendAfter = firstMend;
  #losses = 0;
  #hasLost = false;
  /** Since when none of its messages can have been lost, and since when it hears those of others, by the clock of this process. */
  #steadySince = performance.now();
  #hearsSince = Number.NEGATIVE_INFINITY;
  #greetTimer: NodeJS.Timeout | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #otherFanouts = '';

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), beatMs).unref();
  }

  /** Messages of this push-server may have been lost: its next beat notifies the others. */
  lost(): void {
    this.#hasLost = true;
    this.#steadySince = performance.now();
  }

  /** This push-server receives from now on all that others publish. */
  subscribed(): void {
    this.#hearsSince = performance.now();
    this.#greet();
  }

  /** There is a new connection: beats that were sent before do not come any more. */
  restarted(): void {
    this.#heard = this.#sent;
    this.peers.restart();
  }

  /** A subscription may be missing: with the next beat that comes, all are asked for again. */
  doubt(): void {
    this.#heard = Number.NEGATIVE_INFINITY;
  }

  /** A beat came. */
  hear(name: string, payload: Buffer): void {
    const beat = readBeat(payload);
    if (beat === undefined) return;
    if (name === this.#options.node) {
      this.#hearOwn(beat);
      return;
    }
    if (!this.peers.knows(name)) this.#greet();
    if (this.peers.heard(name, beat, performance.now() - this.#hearsSince)) this.gap();
  }

  /** Makes all rooms read their histories, once for all gaps of a moment. */
  gap(): void {
    this.#gapTimer ??= setTimeout(() => {
      this.#gapTimer = undefined;
      this.gaps++;
      this.#options.onGap();
    }, gapMs).unref();
  }

  /** Why other push-servers may not be reached; `undefined`: they are, or there are none. */
  problem(): string | undefined {
    if (this.#unheard > maxUnheard) return 'what this push-server publishes in Redis does not come back to it';
    const missing = this.peers.missing();
    if (!isMost(missing.length, this.peers.expected)) return undefined;
    const named = missing.slice(0, 3).join(', ');
    return `${missing.length} of ${this.peers.expected} other push-servers are not heard (${named}); do all use the same Redis, and may their user SUBSCRIBE and PUBLISH?`;
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#greetTimer);
    clearTimeout(this.#gapTimer);
  }

  /**
   * Sends a beat out of turn, to push-servers that do not know this one yet: one for all that are met in a moment. So each learns at once from which
   * beat on it hears another.
   */
  #greet(): void {
    this.#greetTimer ??= setTimeout(() => {
      this.#greetTimer = undefined;
      this.#send();
    }, greetMs).unref();
  }

  #hearOwn({ count }: Beat): void {
    const isLost = count > this.#heard + 1;
    this.#heard = count;
    this.#unheard = 0;
    if (isLost) this.#restore();
  }

  #restore(): void {
    this.lost();
    this.restarted();
    this.#options.restore();
  }

  #beat(): void {
    if (this.#options.isConnected()) {
      this.#unheard++;
      this.peers.tick();
      this.#mend();
    }
    this.#send();
    this.#compareFanouts();
  }

  #send(): void {
    if (this.#hasLost) this.#losses++;
    this.#hasLost = false;
    this.#sent++;
    const { fanout, publish } = this.#options;
    const steadyMs = Math.floor(performance.now() - this.#steadySince);
    publish(writeBeat({ count: this.#sent, losses: this.#losses, fanout, steadyMs }));
  }

  /** When no beats come: subscribes again, then connects again, in growing intervals. */
  #mend(): void {
    const isAlone = isMost(this.peers.missing().length, this.peers.expected);
    this.#alone = isAlone ? this.#alone + 1 : 0;
    const waited = Math.max(this.#unheard - maxUnheard - 1, this.#alone);
    if (this.#unheard === maxUnheard + 1) this.#restore();
    if (waited <= 0) {
      this.#mendAfter = firstMend;
      return;
    }
    if (waited % this.#mendAfter !== 0) return;
    this.#mendAfter = Math.min(2 * this.#mendAfter, longestMend);
    this.mends++;
    this.lost();
    this.#options.reconnect();
  }

  #compareFanouts(): void {
    const { fanout, log } = this.#options;
    const others = this.peers.otherFanouts(fanout).join(', ');
    if (others === this.#otherFanouts) return;
    this.#otherFanouts = others;
    if (others === '') return;
    log.error(
      { fanout, others },
      'push-servers have different values of redisAdapter.fanout: io.emit and the like do not reach those with another value; set the same value on all',
    );
  }
}

/** Whether some are more than half of all. */
function isMost(some: number, all: number): boolean {
  return some > 0 && 2 * some > all;
}
