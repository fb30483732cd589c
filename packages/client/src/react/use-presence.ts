import type { PresenceEvent } from '@gopush/contract';
import { useEffect, useState } from 'react';
import type { Client } from '../client.ts';
import { enterRoom } from './enter-room.ts';

const nobody: readonly string[] = [];

/**
 * The users in a room, in which the client is while the component is mounted. With `pushServer.presenceEvents` changes are shown at once, otherwise
 * only after each reconnect.
 *
 * @returns their uids, sorted
 * @example
 * const online = usePresence(client, 'lobby');
 */
export function usePresence<Events extends object>(client: Client<Events>, name: string): readonly string[] {
  const [uids, setUids] = useState(nobody);

  useEffect(() => {
    const { room, release } = enterRoom(client, name);
    const online = new Set<string>();
    /** Changes while the users are being read: the response may not have them yet. */
    let changes: PresenceEvent[] | undefined;
    let isUsed = true;
    const apply = ({ uid, change }: PresenceEvent): void => {
      if (change === 'joined') online.add(uid);
      else online.delete(uid);
    };
    const show = (): void => {
      if (isUsed) setUids([...online].sort());
    };
    const read = async (): Promise<void> => {
      changes = [];
      const users = await client.presence(name);
      online.clear();
      for (const { uid } of users) online.add(uid);
      changes?.forEach(apply);
      changes = undefined;
      show();
    };
    // A failure is not shown: the users are read again after the next reconnect.
    const readOrNot = (): void => void read().catch(() => {});
    setUids(nobody);
    const offPresence = room.onPresence((event) => {
      changes?.push(event);
      apply(event);
      show();
    });
    const offJoined = room.onJoined(readOrNot);
    return () => {
      isUsed = false;
      offPresence();
      offJoined();
      release();
    };
  }, [client, name]);
  return uids;
}
