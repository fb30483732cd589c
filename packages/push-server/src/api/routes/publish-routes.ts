import { type FailureCode, failureBody, messageOf, type Result, success } from '@gopush/contract';
import { z } from 'zod';
import { check } from '../request/check.ts';
import { room, uid } from '../request/fields.ts';
import {
  batchItem,
  delivery,
  published,
  publishedToAll,
  publishToAll,
  publishToRoom,
  publishToUser,
  toAll,
  toRoom,
  toUser,
} from './publishing.ts';
import { type ApiContext, type Route, route } from './route.ts';

/** Most messages in one batch. */
const maxBatch = 100;

const failures: readonly FailureCode[] = ['event_invalid', 'not_durable'];

/** Routes that publish. */
export const publishRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/rooms/{room}/publish',
    scope: 'publish',
    summary: 'Publishes an event to a room.',
    params: z.strictObject({ room }),
    body: toRoom,
    response: published,
    failures: ['room_invalid', ...failures],
    id: 'taken',
    run: (context, { params, body, id }) => publishToRoom(context, params.room, body, id),
  }),
  route({
    method: 'POST',
    path: '/users/{uid}/publish',
    scope: 'publish',
    summary: 'Publishes an event to all devices of a user.',
    params: z.strictObject({ uid }),
    body: toUser,
    response: delivery,
    failures: [...failures, 'inbox_full'],
    id: 'taken',
    run: (context, { params, body, id }) => publishToUser(context, params.uid, body, id),
  }),
  route({
    method: 'POST',
    path: '/notify',
    scope: 'publish',
    summary: 'Publishes an event to all connected clients. It is not stored.',
    body: toAll,
    response: publishedToAll,
    failures: ['event_invalid'],
    id: 'refused',
    run: async (context, { body }) => publishToAll(context, body),
  }),
  route({
    method: 'POST',
    path: '/batch',
    scope: 'publish',
    summary:
      'Publishes several messages, in order. Each has its own result: a refused message does not stop the others.',
    // Checked one by one, so that a wrong message has its own result.
    body: z
      .array(z.unknown())
      .min(1)
      .max(maxBatch)
      .meta({ items: z.toJSONSchema(batchItem, { io: 'input' }) }),
    response: z.strictObject({
      results: z.array(
        z.union([
          z.strictObject({ ok: z.literal(true), result: z.union([published, delivery, publishedToAll]) }),
          z.strictObject({
            ok: z.literal(false),
            error: z.strictObject({ code: z.string(), message: z.string() }),
          }),
        ]),
      ),
    }),
    failures: [],
    id: 'taken',
    cost: (body) => (Array.isArray(body) ? Math.max(1, Math.min(body.length, maxBatch)) : 1),
    async run(context, { body, id }) {
      // All are published at once, in order: messages of a room are kept in the order in which their publishing began.
      const each = body.map((item, index) =>
        publishOne(context, item, id === undefined ? undefined : `${id}:${index}`),
      );
      const results = await Promise.all(each);
      return success({
        results: results.map((one) =>
          one.ok
            ? { ok: true, result: one.value }
            : { ok: false, ...failureBody(one.failure.code, messageOf(one.failure)) },
        ),
      });
    },
  }),
];

async function publishOne(context: ApiContext, item: unknown, key: string | undefined): Promise<Result<object>> {
  const checked = check(batchItem, item);
  if (!checked.ok) return checked;
  const { value } = checked;
  switch (value.to) {
    case 'room':
      // The id of the message comes before the one that it would get from the batch.
      return publishToRoom(context, value.room, value, value.keep === 'no' ? undefined : (value.id ?? key));
    case 'user':
      return publishToUser(context, value.user, value, value.keep === 'no' ? undefined : (value.id ?? key));
    case 'all':
      return publishToAll(context, value);
  }
}
