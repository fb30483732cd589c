import type { FailureCode } from '@gopush/contract';
import { perSecond, type Rate, TokenBucket } from '@gopush/service';

/** Bounds how many new connections are taken a second, in all and from each network. */
export class ConnectionRates {
  readonly #all: TokenBucket | undefined;
  readonly #perNetwork: Rate | undefined;
  readonly #byNetwork = new Map<string, TokenBucket>();
  readonly #sweep: NodeJS.Timeout;

  /** @param limits - a second; 0: no limit */
  constructor(limits: { readonly newPerSecond: number; readonly newPerSecondPerIp: number }) {
    const { newPerSecond, newPerSecondPerIp } = limits;
    this.#all = newPerSecond > 0 ? new TokenBucket(perSecond(newPerSecond), performance.now()) : undefined;
    this.#perNetwork = newPerSecondPerIp > 0 ? perSecond(newPerSecondPerIp) : undefined;
    this.#sweep = setInterval(() => this.#forgetFull(performance.now()), 1_000).unref();
  }

  /**
   * Counts a new connection.
   *
   * @param network - of its client; `undefined`: it is counted in all only, as that of a trusted proxy
   * @returns why it is refused; `undefined`: it is not
   */
  count(network: string | undefined, now: number): Extract<FailureCode, 'too_fast' | 'too_fast_ip'> | undefined {
    if (network !== undefined && this.#bucketOf(network, now)?.take(now) === false) return 'too_fast_ip';
    return this.#all?.take(now) === false ? 'too_fast' : undefined;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #bucketOf(network: string, now: number): TokenBucket | undefined {
    if (this.#perNetwork === undefined) return undefined;
    let bucket = this.#byNetwork.get(network);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#perNetwork, now);
      this.#byNetwork.set(network, bucket);
    }
    return bucket;
  }

  #forgetFull(now: number): void {
    for (const [network, bucket] of this.#byNetwork) if (bucket.isFull(now)) this.#byNetwork.delete(network);
  }
}
