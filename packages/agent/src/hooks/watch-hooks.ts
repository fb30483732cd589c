import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import type { ProductPolicy } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HookLocation } from './find-hook-files.ts';
import { type LoadedHooks, loadHooks } from './load-hooks.ts';

/** Hooks that follow their files. */
export interface WatchedHooks {
  /** The hooks as last loaded whole. */
  current(): LoadedHooks;
  close(): void;
}

/** Editors write a file in several steps; one reload is enough for all of them. */
const settleMs = 50;

/**
 * Takes up edits of hook files. What is being served goes on with the hooks it began with; a broken edit keeps the last good
 * hooks and is said once.
 */
export function watchHooks(
  location: HookLocation,
  defaults: ProductPolicy,
  loaded: LoadedHooks,
  log: Logger,
  onReload: (result: 'taken' | 'refused') => void,
): WatchedHooks {
  let current = loaded;
  let lastProblem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reloading: Promise<void> | undefined;
  let closed = false;
  const watchers = new Map<string, FSWatcher>();

  async function reload(): Promise<void> {
    try {
      const next = await loadHooks(location, defaults, current);
      const changed = [...next.modules].filter(([hook, module]) => current.modules.get(hook) !== module);
      const gone = [...current.modules.keys()].filter((hook) => !next.modules.has(hook));
      current = next;
      if (changed.length > 0 || gone.length > 0 || lastProblem !== undefined) {
        onReload('taken');
        log.info({ changed: changed.map(([, module]) => module.bundle.file), gone }, 'hooks reloaded');
      }
      lastProblem = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== lastProblem) {
        onReload('refused');
        log.error({ problem }, 'hooks not reloaded: the edit is broken, the last good hooks stay');
      }
      lastProblem = problem;
    }
    if (!closed) watchFolders();
  }

  /** Whether a change of this file may change the hooks. Others, such as a log that is written beside them, must cost nothing. */
  function matters(file: string | null): boolean {
    if (file === null || lastProblem !== undefined) return true;
    if (/^(hooks?$|(agent|onupgrade|router)\.)/.test(file)) return true;
    return [...current.modules.values()].some(({ bundle }) => bundle.inputs.some((input) => basename(input) === file));
  }

  function schedule(_event: string, file: string | null): void {
    if (!matters(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // One at a time: an older reload that ends late must not win.
      reloading = (reloading ?? Promise.resolve()).then(() => (closed ? undefined : reload()));
    }, settleMs);
  }

  function watchFolders(): void {
    const wanted = new Set([location.dir, ...current.folders]);
    for (const [folder, watcher] of watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, schedule);
        // A folder that goes away is seen by the one above it.
        watcher.on('error', () => {
          watcher.close();
          watchers.delete(folder);
        });
        watchers.set(folder, watcher);
      } catch {
        // Not there yet: the folder above tells when it comes.
      }
    }
  }

  watchFolders();
  return {
    current: () => current,
    close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
