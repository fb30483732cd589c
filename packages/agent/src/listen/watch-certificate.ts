import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@gopush/service';
import type { Certificate } from './load-certificate.ts';

/** How long the folders must be quiet: certificate and key are written one after the other, and match only when both are written. */
const settleMs = 100;

/** How long a folder that is never quiet may delay a reload. */
const longestSettleMs = 2_000;

/** Interval between checks for a folder that does not exist. */
const retryMs = 1_000;

/** A certificate that is followed. */
export interface WatchedCertificate {
  /** Absolute paths of its files. */
  readonly files: readonly string[];
  /** Reads and checks the files. */
  readonly load: () => Promise<Certificate>;
  /** The certificate in use at first. */
  readonly loaded: Certificate;
  /** Takes each new certificate. */
  readonly onRenewed: (certificate: Certificate) => void;
  readonly log: Logger;
}

/**
 * Follows the files of a certificate. An invalid one is logged once, and the last valid one stays in use.
 *
 * Folders are watched rather than files, because renewals replace files, and often links to them. The folder of the
 * file behind a link may change with each renewal.
 *
 * @returns stops following
 */
export function watchCertificate({ files, load, loaded, onRenewed, log }: WatchedCertificate): () => void {
  let current = loaded;
  let lastProblem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let waitingSince: number | undefined;
  let looking = Promise.resolve();
  let closed = false;
  let watchers: FSWatcher[] = [];

  function stopWatching(): void {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  }

  /** @returns whether all folders are being watched */
  async function watchFolders(): Promise<boolean> {
    const ends = await Promise.all(files.map((file) => realpath(file).catch(() => file)));
    stopWatching();
    if (closed) return true;
    let all = true;
    for (const folder of new Set([...files, ...ends].map(dirname))) {
      try {
        const watcher = watch(folder, { persistent: false }, schedule);
        watcher.on('error', schedule);
        watchers.push(watcher);
      } catch {
        all = false;
      }
    }
    return all;
  }

  async function look(): Promise<void> {
    // Folders are watched again before each read: a folder may have been replaced as a whole, and a change between
    // watching and reading would be missed otherwise.
    const all = await watchFolders();
    try {
      const next = await load();
      if (closed) return;
      const changed = !next.equals(current);
      if (changed) onRenewed(next);
      current = next;
      if (changed || lastProblem !== undefined)
        log.info({ file: files[0], validTo: next.validTo }, 'certificate reloaded');
      lastProblem = undefined;
    } catch (error) {
      if (closed) return;
      const problem = error instanceof Error ? error.message : String(error);
      if (problem === lastProblem) log.debug({ problem }, 'certificate still invalid');
      else log.error({ problem }, 'certificate not reloaded: the new one is invalid, the last valid one stays in use');
      lastProblem = problem;
    }
    if (!all) wake(retryMs);
  }

  function wake(afterMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      waitingSince = undefined;
      // One at a time: an older read that ends late must not win.
      looking = looking.then(() => (closed ? undefined : look()));
    }, afterMs).unref();
  }

  function schedule(): void {
    if (closed) return;
    const now = Date.now();
    waitingSince ??= now;
    if (now - waitingSince < longestSettleMs) wake(settleMs);
  }

  // Finds changes since the certificate was loaded.
  looking = look();
  return () => {
    closed = true;
    clearTimeout(timer);
    stopWatching();
  };
}
