/** What became of events for webhooks since the start: each is counted once for each webhook it is for. */
export interface WebhookCounts {
  delivered: number;
  /** How often an event was to be sent again. */
  retried: number;
  /** Events that were given up. */
  dead: number;
}
