import {
  type Ack,
  events,
  type Failure,
  failureBody,
  parseRoomMessage,
  parseRooms,
  type Result,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { Push } from './push.ts';
import { clientRooms, roomOfClients } from './room-names.ts';

/** What a client asks of rooms: enter, speak, leave. */
export function handleRooms(socket: Socket, push: Push, log: Logger): void {
  socket.on(events.room, (...args: unknown[]) => {
    answer(args, parseRoomMessage(args[0]), async (message) => {
      await socket.join(roomOfClients(message.room));
      if (message.event === undefined || message.noBroadcast === true) return;
      push.toRoom(message.room, message.event, message, socket.id);
    });
  });
  socket.on(events.join, (...args: unknown[]) => {
    answer(args, parseRooms(args[0]), (rooms) => socket.join(rooms.map(roomOfClients)));
  });
  socket.on(events.leave, (...args: unknown[]) => {
    answer(args, parseRooms(args[0]), async (rooms) => {
      await Promise.all(rooms.map((room) => socket.leave(roomOfClients(room))));
    });
  });

  /** Does what was asked for and tells how it went, where the client wants to know. */
  function answer<T>(args: unknown[], parsed: Result<T>, act: (value: T) => void | Promise<void>): void {
    const last = args.at(-1);
    const ack = typeof last === 'function' ? (last as (ack: Ack) => void) : undefined;
    const refuse = ({ code, detail, cause }: Failure): void => {
      log.debug({ code, detail, err: cause }, 'refused what a client asked of rooms');
      ack?.({ ok: false, ...failureBody(code) });
    };
    if (!parsed.ok) {
      refuse(parsed.failure);
      return;
    }
    Promise.resolve(act(parsed.value)).then(
      () => ack?.({ ok: true, rooms: clientRooms(socket.rooms) }),
      (cause: unknown) => refuse({ code: 'internal', cause }),
    );
  }
}
