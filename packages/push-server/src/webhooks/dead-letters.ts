import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@gopush/service';
import type { WebhookEvent } from './event.ts';

/** Why an event was given up: too many wait, it was tried often enough, or this node stops. */
export type GivenUp = 'queue_full' | 'attempts_over' | 'stopping';

/** Events that no webhook took. */
export interface DeadLetters {
  add(url: string, events: readonly WebhookEvent[], reason: GivenUp): void;
  /** Resolves when all are written. */
  close(): Promise<void>;
}

/** How large the file may become, in bytes. The one before it is kept, so that there are at most twice as many. */
const maxFileBytes = 16_777_216;

/** How many may wait to be written, in bytes; of more only the number is told. */
const maxWaitingBytes = 16_777_216;

/**
 * Opens the file of events that no webhook took: a line of JSON each, `{ url, reason, event }`. The push-servers of a project share it.
 *
 * @param file - full and with its folder, as it may not be there
 */
export function openDeadLetters(file: string, log: Logger): DeadLetters {
  let lines: string[] = [];
  let bytes = 0;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (lines.length > 0) {
      const text = lines.join('');
      lines = [];
      bytes = 0;
      try {
        // What users say to each other stands in it, and webhooks' URLs, which may hold secrets.
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        const { size } = await stat(file).catch(() => ({ size: 0 }));
        if (size + Buffer.byteLength(text) > maxFileBytes && size > 0) await rename(file, `${file}.1`);
        await appendFile(file, text, { mode: 0o600 });
      } catch (error) {
        log.error({ err: error, file }, 'dead letters cannot be written');
      }
    }
    writing = undefined;
  }

  return {
    add(url, events, reason) {
      log.warn({ url, reason, count: events.length, first: events[0]?.id }, 'a webhook did not accept events');
      for (const { json, bytes: size } of events) {
        if (bytes + size > maxWaitingBytes) break;
        bytes += size;
        lines.push(`{"url":${JSON.stringify(url)},"reason":"${reason}","event":${json}}\n`);
      }
      writing ??= write();
    },
    async close() {
      await writing;
    },
  };
}
