import { randomUUID } from 'node:crypto';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { DeadLetters } from './dead-letters.ts';
import { signBody, type WebhookEvent } from './event.ts';

/** Most events of one request, and about how many bytes. */
const batchCount = 100;
const batchBytes = 262_144;

/** Longest wait before the second attempt, in milliseconds; doubled for each further one up to the other. */
const firstWaitMs = 500;
const maxWaitMs = 60_000;

/** Posts events to one webhook, in order, one request at a time. Whoever has something to tell never waits for it. */
export class Endpoint {
  readonly #config: Config['webhooks'][number];
  readonly #dead: DeadLetters;
  readonly #log: Logger;
  #queue: WebhookEvent[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  /** Cuts waits short at a stop. */
  #wake: () => void = () => {};
  #stopping = false;
  readonly #cut = new AbortController();

  constructor(config: Config['webhooks'][number], dead: DeadLetters, log: Logger) {
    this.#config = config;
    this.#dead = dead;
    this.#log = log;
  }

  /** Takes an event. Where too many wait the oldest are given up: what is new tells more. */
  tell(event: WebhookEvent): void {
    this.#queue.push(event);
    this.#bytes += event.bytes;
    const { queueCount, queueBytes } = this.#config;
    const dropped: WebhookEvent[] = [];
    while (this.#queue.length > queueCount || (this.#bytes > queueBytes && this.#queue.length > 1)) {
      dropped.push(...this.#take(1));
    }
    if (dropped.length > 0) this.#dead.add(this.#config.url, dropped, 'queue_full');
    this.#running ??= this.#run();
  }

  /**
   * Tries what waits once more, and gives up the rest.
   *
   * @param ms - longest wait, in milliseconds
   */
  async close(ms: number): Promise<void> {
    this.#stopping = true;
    this.#wake();
    const cut = setTimeout(() => this.#cut.abort(), ms);
    await this.#running;
    clearTimeout(cut);
    if (this.#queue.length > 0) this.#dead.add(this.#config.url, this.#take(this.#queue.length), 'stopping');
  }

  #take(count: number): WebhookEvent[] {
    const taken = this.#queue.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  async #run(): Promise<void> {
    // Those of the same breath go together.
    await Promise.resolve();
    while (this.#queue.length > 0 && !this.#cut.signal.aborted) await this.#send(this.#nextBatch());
    this.#running = undefined;
  }

  #nextBatch(): WebhookEvent[] {
    let count = 0;
    let bytes = 0;
    for (const event of this.#queue) {
      bytes += event.bytes;
      if (count > 0 && (count >= batchCount || bytes > batchBytes)) break;
      count++;
    }
    return this.#take(count);
  }

  async #send(batch: readonly WebhookEvent[]): Promise<void> {
    const { url, attempts } = this.#config;
    const id = randomUUID();
    const body = `{"id":"${id}","events":[${batch.map(({ json }) => json).join(',')}]}`;
    for (let attempt = 1; ; attempt++) {
      const fault = await this.#post(id, body);
      if (fault === undefined) return;
      this.#log.debug({ url, attempt, fault }, 'a webhook did not take events yet');
      if (this.#stopping) return this.#dead.add(url, batch, 'stopping');
      if (attempt >= attempts) return this.#dead.add(url, batch, 'attempts_over');
      await this.#wait(attempt);
    }
  }

  /** @returns why it was not taken */
  async #post(id: string, body: string): Promise<string | undefined> {
    const { url, secret, timeoutMs } = this.#config;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-gopush-event-id': id,
          'x-gopush-signature': signBody(secret, body, Date.now()),
        },
        body,
        // Elsewhere it was not wanted.
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#cut.signal]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `status ${response.status}`;
    } catch (error) {
      return String((error as { cause?: unknown }).cause ?? error);
    }
  }

  /** Any time up to the longest (full jitter), so that several nodes do not come back at once. */
  #wait(attempt: number): Promise<void> {
    const longest = Math.min(maxWaitMs, firstWaitMs * 2 ** (attempt - 1));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.random() * longest);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
