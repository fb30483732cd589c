import { success } from '@gopush/contract';
import { z } from 'zod';
import { room, uid } from '../request/fields.ts';
import { type Route, route } from './route.ts';

/** A socket's own id, as Socket.IO makes them. Anything else could name a room, which it disconnects as well. */
const socket = z
  .string()
  .regex(/^[\w-]{20}$/)
  .meta({ description: 'Id of a connection.' });

const reach = z.strictObject({
  partial: z.literal(true).optional().meta({
    description:
      'Present if other push-servers could not be reached: nothing changed for their clients. Send it again.',
  }),
});

/** Routes that change rooms, connections and inboxes of clients. */
export const controlRoutes: readonly Route[] = [
  route({
    method: 'DELETE',
    path: '/users/{uid}/inbox/{id}',
    scope: 'admin',
    summary: 'Removes a message from the inbox, as if a device had acknowledged it.',
    params: z.strictObject({ uid, id: z.string().min(1).max(256) }),
    response: z.strictObject({ acked: z.boolean().meta({ description: 'Whether it was in the inbox.' }) }),
    failures: ['not_durable'],
    async run({ push }, { params }) {
      const ended = await push.inbox.ack(params.uid, [params.id]);
      return ended.ok ? success({ acked: ended.value > 0 }) : ended;
    },
  }),
  route({
    method: 'POST',
    path: '/users/{uid}/disconnect',
    scope: 'admin',
    summary: 'Closes all connections of a user, on all push-servers.',
    params: z.strictObject({ uid }),
    response: reach,
    failures: [],
    async run({ push }, { params }) {
      return success(push.disconnectUser(params.uid));
    },
  }),
  route({
    method: 'POST',
    path: '/sockets/{id}/disconnect',
    scope: 'admin',
    across: true,
    summary: 'Closes one connection, on whichever push-server it is.',
    params: z.strictObject({ id: socket }),
    response: reach,
    failures: [],
    async run({ push }, { params }) {
      return success(push.disconnectSocket(params.id));
    },
  }),
  ...(['PUT', 'DELETE'] as const).map((method) =>
    route({
      method,
      path: '/users/{uid}/rooms/{room}',
      scope: 'admin',
      summary:
        method === 'PUT'
          ? 'Joins all connected devices of a user to a room.'
          : 'Removes all connected devices of a user from a room.',
      params: z.strictObject({ uid, room }),
      response: reach,
      failures: ['room_invalid'],
      async run({ push }, { params }) {
        return success(push.moveUser(params.uid, params.room, method === 'PUT' ? 'join' : 'leave'));
      },
    }),
  ),
];
