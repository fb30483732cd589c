import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@gopush/service';
import type { WebhookEvent } from './event.ts';

/** Why an event was dropped: the queue is full, all attempts failed, or this node stops. */
export type GivenUp = 'queue_full' | 'attempts_over' | 'stopping';

/** Events that could not be delivered. */
export interface DeadLetters {
  add(url: string, events: readonly WebhookEvent[], reason: GivenUp): void;
  /** Resolves when all are written. */
  close(): Promise<void>;
}

/** Largest file, in bytes. The one before it is kept, so that both take at most twice as much. */
const maxFileBytes = 16_777_216;

/** Most bytes that wait to be written; of further events only the number is logged. */
const maxWaitingBytes = 16_777_216;

/**
 * Opens the file of events that could not be delivered: one JSON line for each, `{ url, reason, event }`. The push-servers of a project share it.
 *
 * @param file - its path; the folder is created if needed
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
        // The file contains messages of users, and URLs of webhooks, which may contain secrets.
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
