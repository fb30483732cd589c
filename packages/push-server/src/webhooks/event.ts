import { createHmac, randomUUID } from 'node:crypto';
import type { WebhookEventName } from '@gopush/contract';
import { writeJson } from '../http/write-json.ts';

/** An event on its way to a webhook, written once. */
export interface WebhookEvent {
  readonly id: string;
  /** `{ id, type, at, node, … }` as JSON. */
  readonly json: string;
  readonly bytes: number;
}

/** Writes an event. Its id stays the same however often it is sent, so that who gets it twice can tell. */
export function writeEvent(type: WebhookEventName, node: string, data: object, at: number): WebhookEvent {
  const id = randomUUID();
  const json = writeJson({ id, type, at, node, ...data });
  return { id, json, bytes: Buffer.byteLength(json) };
}

/**
 * Signs a body: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hex>`. Whoever gets it refuses what is too old, so that nothing can be
 * sent again by others.
 */
export function signBody(secret: string, body: string, now: number): string {
  const time = Math.floor(now / 1_000);
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}
