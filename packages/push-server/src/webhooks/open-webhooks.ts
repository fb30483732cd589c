import { join } from 'node:path';
import type { Config, WebhookEventName } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { openDeadLetters } from './dead-letters.ts';
import { Endpoint } from './endpoint.ts';
import { writeEvent } from './event.ts';
import type { WebhookCounts } from './webhook-counts.ts';

/** Sends events to back ends. */
export interface Webhooks {
  /** Whether any webhook subscribes to a type. */
  wants(type: WebhookEventName): boolean;
  /** Queues an event; returns at once. */
  send(type: WebhookEventName, data: object): void;
  readonly counts: Readonly<WebhookCounts>;
  /** Events that are neither delivered nor dropped yet, of all webhooks. */
  waiting(): number;
  /** Tries once more to deliver what waits. */
  close(): Promise<void>;
}

/**
 * Opens the webhooks of the settings.
 *
 * @param dir - folder of the project
 * @param node - name of this push-server, in each event
 */
export function openWebhooks({ webhooks, pushServer }: Config, dir: string, node: string, log: Logger): Webhooks {
  const dead = openDeadLetters(join(dir, '.gopush', 'dead-letters.ndjson'), log);
  const counts: WebhookCounts = { delivered: 0, retried: 0, dead: 0 };
  const endpoints = webhooks.map((config) => ({
    events: new Set(config.events),
    to: new Endpoint(config, dead, counts, log),
  }));
  const wanted = new Set(webhooks.flatMap(({ events }) => events));
  return {
    wants: (type) => wanted.has(type),
    send(type, data) {
      if (!wanted.has(type)) return;
      const event = writeEvent(type, node, data, Date.now());
      for (const { events, to } of endpoints) if (events.has(type)) to.send(event);
    },
    counts,
    waiting: () => endpoints.reduce((sum, { to }) => sum + to.waiting, 0),
    async close() {
      await Promise.all(endpoints.map(({ to }) => to.close(pushServer.drainMs)));
      await dead.close();
    },
  };
}
