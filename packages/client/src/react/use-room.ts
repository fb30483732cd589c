import type { Position, Published } from '@gopush/contract';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Client } from '../client.ts';
import { GopushError } from '../error.ts';
import type { PublishOptions, Room } from '../room.ts';
import { enterRoom } from './enter-room.ts';

/** A message of a room. */
export interface ReceivedMessage<T> {
  /** For lists of React: a number that no other message of this component has. */
  readonly key: number;
  readonly message: T;
  /** `null` if it was not stored. */
  readonly position: Position | null;
  /** Uid of the client that published it; `null` if a program published it, or if `pushServer.senders` is off. */
  readonly sender: string | null;
}

/** The state of a room for a component. */
export interface RoomState<T> {
  /** The newest messages of the event that have arrived since the component was mounted, oldest first. */
  readonly messages: readonly ReceivedMessage<T>[];
  /** `joining`: the server has not responded yet. `lost`: the client was refused, now or after a reconnect, see `error`. */
  readonly state: 'joining' | 'joined' | 'lost';
  readonly error: GopushError | undefined;
  /** Whether messages may have been lost permanently. */
  readonly gap: boolean;
}

/** Options of `useRoom`. */
export interface RoomOptions {
  /** Maximum number of messages that are kept for the component. @defaultValue 100 */
  readonly limit?: number;
}

const joining = { messages: [], state: 'joining', error: undefined, gap: false } as const;

/**
 * Joins a room while the component is mounted, and returns the messages of one event in it, including the client's own. Several components may use
 * the same room.
 *
 * @returns the state, and `publish`, which rejects with a {@link GopushError}
 * @example
 * const { messages, publish } = useRoom(client, 'lobby', 'chat');
 */
export function useRoom<Events extends object, E extends keyof Events & string>(
  client: Client<Events>,
  name: string,
  event: E,
  { limit = 100 }: RoomOptions = {},
): RoomState<Events[E]> & { publish(message: Events[E], options?: PublishOptions): Promise<Published> } {
  const [state, setState] = useState<RoomState<Events[E]>>(joining);
  const used = useRef<Room | undefined>(undefined);

  useEffect(() => {
    let key = 0;
    let isUsed = true;
    const change = (changed: (state: RoomState<Events[E]>) => Partial<RoomState<Events[E]>>): void => {
      if (isUsed) setState((before) => ({ ...before, ...changed(before) }));
    };
    const entered = enterRoom(client, name);
    const room = entered.room as unknown as Room;
    used.current = room;
    setState(joining);
    const offMessage = room.on<Events[E]>(event, (message, position, sender) => {
      const received = { key: key++, message, position, sender };
      change(({ messages }) => ({ messages: [...messages, received].slice(-limit) }));
    });
    const offGap = room.onGap(() => change(() => ({ gap: true })));
    const offJoined = room.onJoined(() => change(() => ({ state: 'joined' })));
    const offLost = room.onLost((error) => change(() => ({ state: 'lost', error })));
    return () => {
      isUsed = false;
      used.current = undefined;
      offMessage();
      offGap();
      offJoined();
      offLost();
      entered.release();
    };
  }, [client, name, event, limit]);

  const publish = useCallback(
    async (message: Events[E], options?: PublishOptions): Promise<Published> => {
      if (used.current === undefined) throw new GopushError('left', 'the component is not mounted');
      return used.current.publish(event, message, { echo: true, ...options });
    },
    [event],
  );
  return { ...state, publish };
}
