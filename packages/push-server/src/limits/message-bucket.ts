import { TokenBucket } from '@gopush/service';

/** How many seconds' worth of messages may be refused before a client is disconnected, unless it pauses for long enough in between. */
const patienceSeconds = 5;

/** The messages of one connection, with how many of them were refused. */
export class MessageBucket extends TokenBucket {
  #refused = 0;

  /** Takes one message. @returns `false` where it is one too many */
  override take(now: number): boolean {
    if (this.#refused > 0 && this.isFull(now)) this.#refused = 0;
    if (super.take(now)) return true;
    this.#refused++;
    return false;
  }

  /** Whether its client keeps sending although it is refused. */
  get isSpent(): boolean {
    return this.#refused > this.rate.tokens * patienceSeconds;
  }
}
