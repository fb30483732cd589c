import type { PresenceEvent } from '@gopush/contract';
import { useEffect, useState } from 'react';
import type { Client } from '../client.ts';
import type { GopushError } from '../error.ts';
import { pauseAfter } from '../pause-after.ts';
import { enterRoom } from './enter-room.ts';

const nobody: readonly string[] = [];

/** Options of `usePresence`. */
export interface PresenceOptions {
  /**
   * How often the users are read again, in milliseconds: for lists without `pushServer.presenceEvents`, and for those that have to be right although
   * a change is missed while a session migrates. @defaultValue never
   */
  readonly refreshMs?: number;
}

/**
 * The users in a room, in which the client is while the component is mounted. With `pushServer.presenceEvents` changes are shown at once, otherwise
 * after each reconnect and after `refreshMs`.
 *
 * @returns their uids, sorted
 * @example
 * const online = usePresence(client, 'lobby');
 */
export function usePresence<Events extends object>(
  client: Client<Events>,
  name: string,
  { refreshMs = 0 }: PresenceOptions = {},
): readonly string[] {
  const [uids, setUids] = useState(nobody);

  useEffect(() => {
    const { room, release } = enterRoom(client, name);
    const online = new Set<string>();
    /** Changes while the users are being read: the response may not have them. */
    let changes: PresenceEvent[] | undefined;
    let next: ReturnType<typeof setTimeout>;
    let failures = 0;
    let isUsed = true;
    const apply = ({ uid, change }: PresenceEvent): void => {
      if (change === 'joined') online.add(uid);
      else online.delete(uid);
    };
    const show = (): void => {
      if (isUsed) setUids([...online].sort());
    };
    const read = async (): Promise<void> => {
      const since: PresenceEvent[] = [];
      changes = since;
      clearTimeout(next);
      try {
        const users = await client.presence(name);
        // The users are being read again.
        if (changes !== since) return;
        online.clear();
        for (const { uid } of users) online.add(uid);
        since.forEach(apply);
        changes = undefined;
        failures = 0;
        show();
        if (isUsed && refreshMs > 0) next = setTimeout(read, refreshMs);
      } catch (error) {
        const isMember = (error as GopushError).code !== 'join_refused';
        if (isUsed && isMember && changes === since) next = setTimeout(read, pauseAfter(++failures));
      }
    };
    setUids(nobody);
    const offPresence = room.onPresence((event) => {
      changes?.push(event);
      apply(event);
      show();
    });
    const offJoined = room.onJoined(read);
    return () => {
      isUsed = false;
      clearTimeout(next);
      offPresence();
      offJoined();
      release();
    };
  }, [client, name, refreshMs]);
  return uids;
}
