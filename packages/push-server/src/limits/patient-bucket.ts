import { TokenBucket } from '@gopush/service';

/** How many seconds' worth of packets may be refused before a client is disconnected, unless it pauses until the bucket is full. */
const patienceSeconds = 5;

/** A token bucket for packets of one connection, which counts refusals: a client that continues to send although it is refused is disconnected. */
export class PatientBucket extends TokenBucket {
  #refused = 0;

  /** Takes one packet. @returns `false` if it is one too many */
  override take(now: number): boolean {
    if (this.#refused > 0 && this.isFull(now)) this.#refused = 0;
    if (super.take(now)) return true;
    this.#refused++;
    return false;
  }

  /** Whether the client has sent too many packets although they were refused. */
  get isSpent(): boolean {
    return this.#refused > this.rate.tokens * patienceSeconds;
  }
}
