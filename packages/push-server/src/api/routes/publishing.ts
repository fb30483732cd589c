import { failed, type Result, success } from '@gopush/contract';
import { z } from 'zod';
import { deliver, event, id, keep, message, position, room, sender, ttlMs, uid } from '../request/fields.ts';
import type { ApiContext } from './route.ts';

/** A request to publish to a room. */
export const toRoom = z.strictObject({
  event,
  message,
  id: id.optional(),
  keep: keep.optional(),
  sender: sender.optional(),
});

/** A request to publish to a user. */
export const toUser = z.strictObject({
  event,
  message,
  deliver,
  ttlMs: ttlMs.optional(),
  id: id.optional(),
  keep: keep.optional(),
});

/** A request to publish to everyone. */
export const toAll = z.strictObject({ event, message });

/** A message of a batch, which names its receivers. */
export const batchItem = z.discriminatedUnion('to', [
  z.strictObject({ to: z.literal('room'), room, ...toRoom.shape }),
  z.strictObject({ to: z.literal('user'), user: uid, ...toUser.shape }),
  z.strictObject({ to: z.literal('all'), ...toAll.shape }),
]);

const partial = z.literal(true).optional().meta({
  description:
    'Present if other push-servers could not be reached and the message was not stored: their clients miss it.',
});

/** The outcome of publishing to a room. */
export const published = z.strictObject({
  position: position.meta({ description: 'Position in the history; null: it was not stored.' }),
  duplicate: z
    .boolean()
    .meta({ description: 'Whether a message with this id was published before. If so, nothing was published now.' }),
  partial,
});

/** The outcome of publishing to everyone. */
export const publishedToAll = z.strictObject({ partial });

/** The outcome of publishing to a user. */
export const delivery = z.strictObject({
  id: z.string(),
  state: z.enum(['sent', 'waiting', 'offline', 'duplicate']),
  devices: z.int().min(0).meta({ description: 'Devices that are connected now.' }),
  partial,
});

/** Publishes to a room. */
export async function publishToRoom(
  { push, keep: byDefault }: ApiContext,
  name: string,
  request: z.output<typeof toRoom>,
  key: string | undefined,
): Promise<Result<object>> {
  const known = oneId(request.id, key);
  if (!known.ok) return known;
  const how = request.keep ?? byDefault;
  if (how === 'no' && known.value !== undefined) return failed('payload_invalid', notKept);
  const by = request.sender === undefined ? {} : { sender: request.sender };
  return push.toRoom(name, request.event, request.message, { keep: how, ...by, ...withId(known.value) });
}

/** Publishes to a user. */
export async function publishToUser(
  { push, keep: byDefault }: ApiContext,
  name: string,
  request: z.output<typeof toUser>,
  key: string | undefined,
): Promise<Result<object>> {
  const known = oneId(request.id, key);
  if (!known.ok) return known;
  const how = request.keep ?? byDefault;
  if (request.deliver === 'store') {
    if (request.keep !== undefined) return failed('payload_invalid', 'keep: only with deliver online');
    const ttl = request.ttlMs === undefined ? {} : { ttlMs: request.ttlMs };
    return push.toUser(name, request.event, request.message, { deliver: 'store', ...ttl, ...withId(known.value) });
  }
  if (request.ttlMs !== undefined) return failed('payload_invalid', 'ttlMs: only with deliver store');
  if (how === 'no' && known.value !== undefined) return failed('payload_invalid', notKept);
  return push.toUser(name, request.event, request.message, { keep: how, ...withId(known.value) });
}

/** Publishes to everyone. */
export function publishToAll({ push }: ApiContext, request: z.output<typeof toAll>): Result<object> {
  return success(push.toAll(request.event, request.message));
}

const notKept = 'id: repeats of a message that is not stored cannot be recognized';

/** The id of a message: from its body, from the header, or the same from both. */
function oneId(own: string | undefined, key: string | undefined): Result<string | undefined> {
  if (own !== undefined && key !== undefined && own !== key) {
    return failed('payload_invalid', 'id: differs from the Idempotency-Key');
  }
  return success(own ?? key);
}

function withId(known: string | undefined): { id?: string } {
  return known === undefined ? {} : { id: known };
}
