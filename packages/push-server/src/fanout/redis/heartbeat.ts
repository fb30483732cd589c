import type { Logger } from '@gopush/service';
import { type Beat, Peers, readBeat, writeBeat } from './peers.ts';

/** Between two beats, in milliseconds. */
const beatMs = 1_000;

/** How many beats of our own may be missing until the bus is taken for broken. */
const maxUnheard = 3;

/** Beats until the first attempt to mend it by new connections; doubled each time. */
const firstMend = 1;
const longestMend = 60;

/** Gaps that are found within so many milliseconds are mended at once. */
const gapMs = 100;

/** What a heartbeat works on. */
export interface HeartbeatOptions {
  /** Name of this push-server on the bus. */
  readonly node: string;
  /** `redisAdapter.fanout`. */
  readonly fanout: string;
  readonly publish: (beat: Buffer) => void;
  /** Whether both connections are there, so that a beat can come. */
  readonly isConnected: () => boolean;
  /** Subscribes once more: the connection is there, but not even its subscriptions are known. */
  readonly restore: () => void;
  /** Ends all connections, so that they are made anew. */
  readonly reconnect: () => void;
  /** Something that others published may have been lost. */
  readonly onGap: () => void;
  readonly log: Logger;
}

/**
 * Finds out whether what push-servers publish reaches the others. Each publishes a beat a second, which comes to all, itself included. A server
 * of Redis that was demoted, or to which nobody else is connected, answers every command: only what comes from others, or does not, tells.
 */
export class Heartbeat {
  readonly peers = new Peers();
  /** How often something that others published may have been lost, so that all rooms looked into their logs. */
  gaps = 0;
  /** How often connections were made anew because nothing came. */
  mends = 0;
  readonly #options: HeartbeatOptions;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #heard = 0;
  /** Own beats since the last one that came, and since others were missing. */
  #unheard = 0;
  #alone = 0;
  #mendAfter = firstMend;
  #losses = 0;
  #hasLost = false;
  #gapTimer: NodeJS.Timeout | undefined;
  #otherFanouts = '';

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), beatMs).unref();
  }

  /** What this push-server published may have been lost: others are told so by its next beat. */
  lost(): void {
    this.#hasLost = true;
  }

  /** The subscriptions are those of a new connection: what was sent before does not come any more. */
  restarted(): void {
    this.#heard = this.#sent;
    this.peers.restart();
  }

  /** A subscription may not be there: with the next beat that comes all are asked for again. */
  doubt(): void {
    this.#heard = Number.NEGATIVE_INFINITY;
  }

  /** A beat came. */
  hear(name: string, payload: Buffer): void {
    const beat = readBeat(payload);
    if (beat === undefined) return;
    if (name === this.#options.node) this.#hearOwn(beat);
    else if (this.peers.heard(name, beat)) this.gap();
  }

  /** All rooms look into their logs, once for all gaps of a moment. */
  gap(): void {
    this.#gapTimer ??= setTimeout(() => {
      this.#gapTimer = undefined;
      this.gaps++;
      this.#options.onGap();
    }, gapMs).unref();
  }

  /** Why others may not be reached; `undefined`: they are, or there are none. */
  problem(): string | undefined {
    if (this.#unheard > maxUnheard) return 'what this push-server publishes in Redis does not come back to it';
    const missing = this.peers.missing();
    if (!isMost(missing.length, this.peers.expected)) return undefined;
    const named = missing.slice(0, 3).join(', ');
    return `${missing.length} of ${this.peers.expected} other push-servers are not heard (${named}); do all use the same Redis, and may their user SUBSCRIBE and PUBLISH?`;
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#gapTimer);
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
    if (this.#hasLost) this.#losses++;
    this.#hasLost = false;
    this.#sent++;
    const { fanout, publish } = this.#options;
    publish(writeBeat({ count: this.#sent, losses: this.#losses, fanout }));
    this.#compareFanouts();
  }

  /** Where nothing comes: subscribes again, then connects again, in growing intervals. */
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

/** Whether so many are more than half of all. */
function isMost(some: number, all: number): boolean {
  return some > 0 && 2 * some > all;
}
