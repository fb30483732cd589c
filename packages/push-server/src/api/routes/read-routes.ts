import { failed, maxCursorBytes, maxPresencePage, success } from '@gopush/contract';
import { z } from 'zod';
import { limit, position, room, time, uid } from '../request/fields.ts';
import { type Route, route } from './route.ts';

const keptMessage = z.strictObject({
  offset: z.int(),
  at: z.number().meta({ description: 'When it was stored, in milliseconds since 1970.' }),
  event: z.string(),
  message: z.unknown().optional(),
  sender: z
    .string()
    .optional()
    .meta({ description: 'Uid of the client that published it, if recorded (pushServer.senders).' }),
});

/** Routes that read and change nothing. */
export const readRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/rooms/{room}/history',
    scope: 'read',
    summary:
      'The history of a room, oldest message first. At most 4 MiB at a time: there may be more after the last message.',
    params: z.strictObject({ room }),
    query: z.strictObject({
      after: z
        .int()
        .min(0)
        .optional()
        .meta({ description: 'Offset after which to start. Default: at the oldest message.' }),
      limit: limit(1_000),
      epoch: z.string().min(1).max(64).optional().meta({ description: 'Epoch of the offset.' }),
    }),
    response: z.strictObject({
      position: position.meta({ description: 'Last position of the history; null: there is no history.' }),
      first: z.int().meta({ description: 'Oldest offset in the history.' }),
      messages: z.array(keptMessage),
    }),
    failures: ['room_invalid', 'history_gone', 'not_durable'],
    async run({ push }, { params, query: { after, limit: most, epoch } }) {
      const read = await push.history(params.room, after ?? 0, most);
      if (!read.ok) return read;
      const { position: last, first } = read.value;
      if (epoch !== undefined && epoch !== last?.epoch) return failed('history_gone', 'another epoch');
      if (after !== undefined && last !== null && first > after + 1) return failed('history_gone');
      return read;
    },
  }),
  route({
    method: 'GET',
    path: '/rooms/{room}/presence',
    scope: 'read',
    summary: 'The users in a room, on all push-servers, in pages.',
    params: z.strictObject({ room }),
    query: z.strictObject({
      limit: limit(maxPresencePage, maxPresencePage),
      after: z
        .string()
        .min(1)
        .max(maxCursorBytes)
        .optional()
        .meta({ description: 'next of the previous page. Default: the first page.' }),
    }),
    response: z.strictObject({
      users: z.array(z.strictObject({ uid: z.string(), devices: z.int().min(1) })),
      next: z.nullable(z.string()).meta({ description: 'Start of the next page; null: this is the last page.' }),
    }),
    failures: ['room_invalid', 'not_durable'],
    run: ({ push }, { params, query }) => push.presence.page(params.room, { ...query, after: query.after ?? null }),
  }),
  route({
    method: 'GET',
    path: '/users/{uid}/presence',
    scope: 'read',
    summary: 'Whether a user is connected, and where.',
    params: z.strictObject({ uid }),
    response: z.strictObject({
      online: z.boolean(),
      devices: z.int().min(0),
      since: time,
      lastSeen: time,
      nodes: z.array(z.string()),
    }),
    failures: ['not_durable'],
    async run({ push }, { params }) {
      const user = await push.presence.user(params.uid);
      if (!user.ok) return user;
      const { devices, since = null, lastSeen = null, nodes } = user.value;
      return success({ online: devices > 0, devices, since, lastSeen, nodes });
    },
  }),
  route({
    method: 'GET',
    path: '/rooms',
    scope: 'read',
    across: true,
    summary: 'Counts of push-servers, connections, and memberships of connections in rooms.',
    response: z.strictObject({ nodes: z.int(), sockets: z.int(), memberships: z.int() }),
    failures: ['not_durable'],
    run: ({ push }) => push.presence.counts(),
  }),
  route({
    method: 'GET',
    path: '/users/{uid}/inbox',
    scope: 'read',
    summary: 'The inbox of a user, oldest message first.',
    params: z.strictObject({ uid }),
    query: z.strictObject({ limit: limit(1_000) }),
    response: z.strictObject({
      messages: z.array(
        z.strictObject({ id: z.string(), event: z.string(), message: z.unknown().optional(), at: z.number() }),
      ),
    }),
    failures: ['not_durable'],
    async run({ push }, { params, query }) {
      const messages = await push.inbox.pending(params.uid, query.limit);
      return messages.ok ? success({ messages: messages.value }) : messages;
    },
  }),
  route({
    method: 'GET',
    path: '/users/{uid}/inbox/{id}',
    scope: 'read',
    summary: 'State of a message in an inbox; unknown: never stored, or expired.',
    params: z.strictObject({ uid, id: z.string().min(1).max(256) }),
    response: z.strictObject({ id: z.string(), status: z.enum(['waiting', 'acked', 'unknown']) }),
    failures: ['not_durable'],
    async run({ push }, { params }) {
      const status = await push.inbox.status(params.uid, params.id);
      return status.ok ? success({ id: params.id, status: status.value }) : status;
    },
  }),
];
