import { events, parseRoomMessage, parseRooms, type Result, type RoomMessage, success } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { Rules } from '../hook/rules.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import { createLine } from '../line.ts';
import { ackOf, refuse } from '../refuse.ts';
import type { Push } from './push.ts';
import { clientRooms, roomOfClients } from './room-names.ts';

/** What a client may ask of rooms while the hook still decides what it asked before. */
const maxWaiting = 1_000;

/** What a client asks of rooms: enter, speak, leave. */
export function handleRooms(socket: Socket, client: ServerClient, push: Push, rules: Rules, log: Logger): void {
  const line = createLine(maxWaiting);
  socket.on(events.room, (...args: unknown[]) => answer(args, parseRoomMessage(args[0]), speak));
  socket.on(events.join, (...args: unknown[]) => answer(args, parseRooms(args[0]), enter));
  socket.on(events.leave, (...args: unknown[]) => {
    answer(args, parseRooms(args[0]), async (rooms) => {
      await Promise.all(rooms.map((room) => socket.leave(roomOfClients(room))));
      return done;
    });
  });

  /** All of these rooms, or none. */
  async function enter(rooms: readonly string[]): Promise<Result<void>> {
    if (rules.has('canJoin')) {
      const verdicts = await Promise.all(rooms.map(mayJoin));
      const refused = verdicts.find((verdict) => !verdict.ok);
      if (refused !== undefined) return refused;
    }
    await socket.join(rooms.map(roomOfClients));
    return done;
  }

  /** As in gopush 0.1: enters and speaks at once. Where either is refused, nothing is done. */
  async function speak(message: RoomMessage): Promise<Result<void>> {
    const { room, event, noBroadcast } = message;
    const speaks = event !== undefined && noBroadcast !== true;
    if (rules.has('canJoin')) {
      const verdict = await mayJoin(room);
      if (!verdict.ok) return verdict;
    }
    if (speaks && rules.has('canPublish')) {
      const verdict = await rules.mayPublish(client, room, event, message.message);
      if (!verdict.ok) return verdict;
    }
    // A client that has gone meanwhile enters nothing, as Socket.IO sees to; what it said before is heard.
    await socket.join(roomOfClients(room));
    if (speaks) push.toRoom(room, event, message, socket.id);
    return done;
  }

  /** Who is in a room already does not enter it. */
  function mayJoin(room: string): Result<void> | Promise<Result<void>> {
    return socket.rooms.has(roomOfClients(room)) ? done : rules.mayJoin(client, room);
  }

  /** Does what was asked for and tells how it went, where the client wants to know. */
  function answer<T>(args: unknown[], parsed: Result<T>, act: (value: T) => Promise<Result<void>>): void {
    const ack = ackOf(args);
    if (!parsed.ok) {
      refuse(ack, parsed.failure, log);
      return;
    }
    const task = (): Promise<void> =>
      act(parsed.value).then(
        (result) => {
          if (!result.ok) refuse(ack, result.failure, log);
          else ack?.({ ok: true, rooms: clientRooms(socket.rooms) });
        },
        (cause: unknown) => refuse(ack, { code: 'internal', cause }, log),
      );
    // Only a hook takes its time; without one each message is done when it comes.
    if (line.isIdle() && !rules.has('canJoin') && !rules.has('canPublish')) void task();
    else if (!line.add(task)) refuse(ack, { code: 'too_many_requests' }, log);
  }
}

const done: Result<void> = success(undefined);
