import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@gopush/service';
import { type Certificate, certificateFiles, loadCertificate, type TlsConfig } from './load-certificate.ts';

/** How long the folders must be quiet: certificate and key are written one after the other, and make a pair only together. */
const settleMs = 100;

/** How long a folder that is never quiet may put a look off. */
const longestSettleMs = 2_000;

/** How soon a folder that is not there is looked for again. */
const retryMs = 1_000;

/**
 * Follows the files of a certificate. A broken one keeps the last good one and is said once.
 *
 * Folders are watched rather than files, since renewals replace files, and often links to them. In which folder a link ends may
 * change with each renewal.
 *
 * @param renewed - takes each new certificate
 * @returns stops following
 */
export function watchCertificate(
  tls: TlsConfig,
  dir: string,
  loaded: Certificate,
  renewed: (certificate: Certificate) => void,
  log: Logger,
): () => void {
  const files = [...certificateFiles(tls, dir).values()];
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
    // Anew each time, and before reading: a folder that was replaced as a whole is another one, and no change may fall in between.
    const all = await watchFolders();
    try {
      const next = await loadCertificate(tls, dir);
      if (closed) return;
      const changed = !next.equals(current);
      if (changed) renewed(next);
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
      // One at a time: an older look that ends late must not win.
      looking = looking.then(() => (closed ? undefined : look()));
    }, afterMs).unref();
  }

  function schedule(): void {
    if (closed) return;
    const now = Date.now();
    waitingSince ??= now;
    if (now - waitingSince < longestSettleMs) wake(settleMs);
  }

  // What changed since the certificate was loaded is found by this first look.
  looking = look();
  return () => {
    closed = true;
    clearTimeout(timer);
    stopWatching();
  };
}
