/** Events for webhooks since the start, by result. An event counts once for each webhook. */
export interface WebhookCounts {
  delivered: number;
  /** Retries of events. */
  retried: number;
  /** Events that were dropped. */
  dead: number;
}
