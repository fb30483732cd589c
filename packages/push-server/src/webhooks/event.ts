import { createHmac, randomUUID } from 'node:crypto';
import type { WebhookEventName } from '@gopush/contract';
import { writeJson } from '../http/write-json.ts';

/** An event for webhooks, encoded once. */
export interface WebhookEvent {
  readonly id: string;
  /** `{ id, type, at, node, … }` as JSON. */
  readonly json: string;
  readonly bytes: number;
}

/** Encodes an event. Its id is the same in each attempt, so that a receiver recognizes repeats. */
export function writeEvent(type: WebhookEventName, node: string, data: object, at: number): WebhookEvent {
  const id = randomUUID();
  const json = writeJson({ id, type, at, node, ...data });
  return { id, json, bytes: Buffer.byteLength(json) };
}

/**
 * Signs a body: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hex>`. Receivers refuse old signatures, so that a request cannot be replayed.
 */
export function signBody(secret: string, body: string, now: number): string {
  const time = Math.floor(now / 1_000);
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}
