import { randomUUID } from 'node:crypto';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { DeadLetters, GivenUp } from './dead-letters.ts';
import { signBody, type WebhookEvent } from './event.ts';
import type { WebhookCounts } from './webhook-counts.ts';

/** Most events in one request, and about how many bytes. */
const batchCount = 100;
const batchBytes = 262_144;

/** Longest wait before the second attempt, in milliseconds, doubled for each further one; and the bound of that. */
const firstWaitMs = 500;
const maxWaitMs = 60_000;

/** Posts events to one webhook, in order, one request at a time. Adding an event never waits. */
export class Endpoint {
  readonly #config: Config['webhooks'][number];
  readonly #dead: DeadLetters;
  readonly #counts: WebhookCounts;
  readonly #log: Logger;
  #queue: WebhookEvent[] = [];
  #bytes = 0;
  /** Events in the current request. */
  #underWay = 0;
  #running: Promise<void> | undefined;
  /** Ends the wait before an attempt. */
  #wake: () => void = () => {};
  #stopping = false;
  readonly #cut = new AbortController();

  constructor(config: Config['webhooks'][number], dead: DeadLetters, counts: WebhookCounts, log: Logger) {
    this.#config = config;
    this.#dead = dead;
    this.#counts = counts;
    this.#log = log;
  }

  /** Queues an event. If the queue is full, the oldest events are dropped: newer ones are more useful. */
  send(event: WebhookEvent): void {
    this.#queue.push(event);
    this.#bytes += event.bytes;
    const { queueCount, queueBytes } = this.#config;
    const dropped: WebhookEvent[] = [];
    while (this.#queue.length > queueCount || (this.#bytes > queueBytes && this.#queue.length > 1)) {
      dropped.push(...this.#take(1));
    }
    if (dropped.length > 0) this.#giveUp(dropped, 'queue_full');
    this.#running ??= this.#run();
  }

  /**
   * Tries once more to deliver what waits, and drops the rest.
   *
   * @param ms - longest wait, in milliseconds
   */
  async close(ms: number): Promise<void> {
    this.#stopping = true;
    this.#wake();
    const cut = setTimeout(() => this.#cut.abort(), ms);
    await this.#running;
    clearTimeout(cut);
    if (this.#queue.length > 0) this.#giveUp(this.#take(this.#queue.length), 'stopping');
  }

  /** Events that are neither delivered nor dropped yet. */
  get waiting(): number {
    return this.#queue.length + this.#underWay;
  }

  #giveUp(events: readonly WebhookEvent[], reason: GivenUp): void {
    this.#counts.dead += events.length;
    this.#dead.add(this.#config.url, events, reason);
  }

  #take(count: number): WebhookEvent[] {
    const taken = this.#queue.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }

  async #run(): Promise<void> {
    // Events of the same tick go into one request.
    await Promise.resolve();
    while (this.#queue.length > 0 && !this.#cut.signal.aborted) {
      const batch = this.#nextBatch();
      this.#underWay = batch.length;
      await this.#send(batch);
      this.#underWay = 0;
    }
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
      if (fault === undefined) {
        this.#counts.delivered += batch.length;
        return;
      }
      this.#log.debug({ url, attempt, fault }, 'a webhook did not accept events; they will be sent again');
      if (this.#stopping) return this.#giveUp(batch, 'stopping');
      if (attempt >= attempts) return this.#giveUp(batch, 'attempts_over');
      this.#counts.retried += batch.length;
      await this.#wait(attempt);
    }
  }

  /** @returns why the request failed */
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
        // A redirect would lead to a URL that is not in the settings.
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#cut.signal]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `status ${response.status}`;
    } catch (error) {
      return String((error as { cause?: unknown }).cause ?? error);
    }
  }

  /** Waits any time up to the longest (full jitter), so that nodes do not retry at the same moment. */
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
