import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import type { Logger } from '@gopush/service';
import { type HookSource, type LoadedHooks, listChanges, loadHooks } from './load-hooks.ts';

/** Hooks that follow their files. */
export interface WatchedHooks<Value> {
  /** The hooks as last loaded whole. */
  current(): Value;
  /** Stops watching; resolves when a reload that is under way has ended. */
  close(): Promise<void>;
}

/** Callbacks for edits. */
export interface WatchListener<Value> {
  readonly log: Logger;
  /** Called once for each edit that was taken up, and for each that was refused for a reason of its own. */
  readonly onReload?: (result: 'taken' | 'refused') => void;
  /**
   * Called with the value that is about to become current. If it throws, the edit is refused.
   */
  readonly onChange?: (next: Value, current: Value) => void | Promise<void>;
}

/** Editors write a file in several steps. One reload covers all of them. */
const settleMs = 50;

/**
 * Reloads edited hook files. Requests in progress keep the hooks they began with. A broken edit keeps the last good
 * hooks and is logged once. Edits of other hooks in the same folder are ignored.
 */
export function watchHooks<Name extends string, Value>(
  source: HookSource<Name, Value>,
  loaded: LoadedHooks<Name, Value>,
  { log, onReload, onChange }: WatchListener<Value>,
): WatchedHooks<Value> {
  const own = new RegExp(`^(hooks?$|(${source.names.join('|')})\\.)`);
  let current = loaded;
  let lastProblem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reloading: Promise<void> | undefined;
  let closed = false;
  const watchers = new Map<string, FSWatcher>();

  async function reload(): Promise<void> {
    try {
      const next = await loadHooks(source, current);
      const changes = listChanges(current.modules, next.modules);
      if (next.value !== current.value) await onChange?.(next.value, current.value);
      current = next;
      if (changes.length > 0 || lastProblem !== undefined) {
        const changed = changes.flatMap((hook) => next.modules.get(hook)?.bundle.file ?? []);
        onReload?.('taken');
        log.info({ changed, gone: changes.filter((hook) => !next.modules.has(hook)) }, 'hooks reloaded');
      }
      lastProblem = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== lastProblem) {
        onReload?.('refused');
        log.error({ problem }, 'hooks not reloaded: the edit is invalid, the last valid hooks stay in use');
      }
      lastProblem = problem;
    }
    if (!closed) watchFolders();
  }

  /** Whether a change of this file may change the hooks. Changes of other files, such as a log in the same folder, must cost nothing. */
  function matters(file: string | null): boolean {
    if (file === null || lastProblem !== undefined) return true;
    if (own.test(file)) return true;
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
    const wanted = new Set([source.location.dir, ...current.folders]);
    for (const [folder, watcher] of watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, schedule);
        // The watch of the parent folder notices when this folder is deleted.
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
    current: () => current.value,
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
      await reloading;
    },
  };
}
