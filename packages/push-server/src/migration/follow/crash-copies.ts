import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@gopush/service';
import type { SessionStore } from '@gopush/store';
import {
  createSessionPointers,
  keyOfToken,
  pointerTo,
  type SessionPointers,
} from '../../stored-session/session-pointers.ts';
import { encodeSession, type SessionRecord } from '../../stored-session/session-record.ts';
import type { FollowedConnection } from './followed-connection.ts';

/** What keeping copies needs. */
export interface CrashCopiesOptions {
  readonly store: SessionStore;
  /** How long a copy is kept, in milliseconds. */
  readonly keepMs: number;
  readonly describe: (followed: FollowedConnection) => SessionRecord | undefined;
  /** Whether a socket has a session, which its client can ask for. */
  readonly hasSession: (socket: string) => boolean;
  readonly log: Logger;
}

/**
 * How long after the end of a connection its agent may ask for its session, in milliseconds: it holds clients for 10 s
 * by default.
 */
const askedWithinMs = 15_000;

/**
 * A session in a thousand rooms with long names has a quarter of a megabyte, and its client decides how often it changes. What is beyond the usual size,
 * in bytes, is saved at this pace, in bytes per millisecond.
 */
const usualBytes = 16_384;
const savedPerMs = 1_024;

/** Keeps a copy of each session in the store, from which another push-server continues it when this one crashes. */
export class CrashCopies {
  readonly #options: CrashCopiesOptions;
  readonly #pointers: SessionPointers;
  /** Copies that are removed later. */
  readonly #removals = new Set<NodeJS.Timeout>();

  constructor(options: CrashCopiesOptions) {
    this.#options = options;
    this.#pointers = createSessionPointers(options.store, options.keepMs);
  }

  /**
   * Saves a session as it is. One save is under way and one may wait, which saves what there is by then: so many
   * changes at once cost two saves. A large one waits longer. Resolves when that is done, or has failed.
   */
  save(followed: FollowedConnection): Promise<void> {
    const { saving, nextSave } = followed;
    if (nextSave !== undefined) return nextSave;
    if (saving === undefined && performance.now() >= followed.savesFrom) return this.#saveNow(followed);
    followed.nextSave = this.#saveNext(followed);
    return followed.nextSave;
  }

  async #saveNext(followed: FollowedConnection): Promise<void> {
    await followed.saving;
    const restMs = followed.savesFrom - performance.now();
    if (restMs > 0) await pause(restMs, undefined, { ref: false });
    followed.nextSave = undefined;
    await this.#saveNow(followed);
  }

  /**
   * Saves a session with its pointers, although they were saved before: the store may have lost them, or they are about to expire. One that runs
   * elsewhere is left alone: this node may have been suspended for long.
   *
   * @returns whether the session is still this node's
   */
  async saveAgain(followed: FollowedConnection): Promise<boolean> {
    const { pointed, token } = followed;
    const held = await Promise.all([...pointed].map((pid) => this.#pointers.holds(pid, token)));
    if (held.includes(false)) return false;
    await this.save(followed);
    return true;
  }

  /** Removes the copy of a session that has ended, or one under another token. What cannot be removed expires. */
  remove(token: string): void {
    this.#options.store.remove(keyOfToken(token)).catch(() => {});
  }

  /**
   * Removes the copy of a session whose connection has closed, after some time. If only the link to its agent was cut,
   * the agent still holds the client, and another node finds the session by its token, as after a crash of this one.
   */
  removeLater(token: string): void {
    const timer = setTimeout(
      () => {
        this.#removals.delete(timer);
        this.remove(token);
      },
      Math.min(this.#options.keepMs, askedWithinMs),
    );
    this.#removals.add(timer.unref());
  }

  /** Removes nothing more: the copies that are left expire. */
  close(): void {
    for (const timer of this.#removals) clearTimeout(timer);
    this.#removals.clear();
  }

  #saveNow(followed: FollowedConnection): Promise<void> {
    followed.saving = this.#write(followed)
      .catch((error: unknown) => {
        this.#options.log.debug(
          { err: error },
          'a session cannot be stored now: after a crash its client has to start a new one',
        );
      })
      .finally(() => {
        followed.saving = undefined;
      });
    return followed.saving;
  }

  async #write(followed: FollowedConnection): Promise<void> {
    const { store, keepMs, describe } = this.#options;
    // Once its connection has closed nothing is left to describe.
    const record = followed.isGone || !followed.isOpen ? undefined : describe(followed);
    if (record === undefined) return;
    const { isOwn, usedToken, token, pointed } = followed;
    const pids = isOwn ? this.#notPointed(followed, record) : [];
    const payload = encodeSession(record);
    // A number with a fraction would take 16 bytes more.
    followed.savesFrom = Math.ceil(performance.now() + Math.max(0, payload.length - usualBytes) / savedPerMs);
    const entries = [{ key: followed.key, payload }];
    for (const pid of pids) entries.push(pointerTo(pid, token));
    await store.saveAll(entries, keepMs, isOwn && usedToken !== undefined ? keyOfToken(usedToken) : undefined);
    for (const pid of pids) pointed.add(pid);
    if (isOwn) followed.usedToken = undefined;
  }

  /** In a namespace of the project nothing is kept for a client that comes back: nothing points there. */
  #notPointed({ pointed }: FollowedConnection, { sockets }: SessionRecord): readonly string[] {
    return sockets.flatMap(({ id, pid }) => (!pointed.has(pid) && this.#options.hasSession(id) ? [pid] : []));
  }
}
