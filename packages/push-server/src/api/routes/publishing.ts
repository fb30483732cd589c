import { failed, type Result, success } from '@gopush/contract';
import { z } from 'zod';
import { deliver, event, id, keep, message, position, room, sender, ttlMs, uid } from '../request/fields.ts';
import type { ApiContext } from './route.ts';

/** What is said to a room. */
export const toRoom = z.strictObject({
  event,
  message,
  id: id.optional(),
  keep: keep.optional(),
  sender: sender.optional(),
});

/** What is said to a user. */
export const toUser = z.strictObject({
  event,
  message,
  deliver,
  ttlMs: ttlMs.optional(),
  id: id.optional(),
  keep: keep.optional(),
});

/** What is said to everyone. */
export const toAll = z.strictObject({ event, message });

/** A message of a batch, which names whom it is for. */
export const batchItem = z.discriminatedUnion('to', [
  z.strictObject({ to: z.literal('room'), room, ...toRoom.shape }),
  z.strictObject({ to: z.literal('user'), user: uid, ...toUser.shape }),
  z.strictObject({ to: z.literal('all'), ...toAll.shape }),
]);

const partial = z.literal(true).optional().meta({
  description:
    'Present if only clients of the receiving push-server were reached: the other push-servers were not reachable, and the message was not stored.',
});

/** What became of something that was said to a room. */
export const published = z.strictObject({
  position: position.meta({ description: 'Position in the history; null: it was not stored.' }),
  duplicate: z
    .boolean()
    .meta({ description: 'Whether a message with this id was published before. If so, nothing was published now.' }),
  partial,
});

/** What became of something that was said to everyone. */
export const saidToAll = z.strictObject({ partial });

/** What became of something that was said to a user. */
export const delivery = z.strictObject({
  id: z.string(),
  state: z.enum(['sent', 'waiting', 'offline', 'duplicate']),
  devices: z.int().min(0).meta({ description: 'Devices that are connected now.' }),
  partial,
});

/** Says something to a room. */
export async function sayToRoom(
  { push, keep: byDefault }: ApiContext,
  name: string,
  said: z.output<typeof toRoom>,
  key: string | undefined,
): Promise<Result<object>> {
  const known = oneId(said.id, key);
  if (!known.ok) return known;
  const how = said.keep ?? byDefault;
  if (how === 'no' && known.value !== undefined) return failed('payload_invalid', notKept);
  const by = said.sender === undefined ? {} : { sender: said.sender };
  return push.toRoom(name, said.event, said.message, { keep: how, ...by, ...withId(known.value) });
}

/** Says something to a user. */
export async function sayToUser(
  { push, keep: byDefault }: ApiContext,
  name: string,
  said: z.output<typeof toUser>,
  key: string | undefined,
): Promise<Result<object>> {
  const known = oneId(said.id, key);
  if (!known.ok) return known;
  const how = said.keep ?? byDefault;
  if (said.deliver === 'store') {
    if (said.keep !== undefined) return failed('payload_invalid', 'keep: only with deliver online');
    const ttl = said.ttlMs === undefined ? {} : { ttlMs: said.ttlMs };
    return push.toUser(name, said.event, said.message, { deliver: 'store', ...ttl, ...withId(known.value) });
  }
  if (said.ttlMs !== undefined) return failed('payload_invalid', 'ttlMs: only with deliver store');
  if (how === 'no' && known.value !== undefined) return failed('payload_invalid', notKept);
  return push.toUser(name, said.event, said.message, { keep: how, ...withId(known.value) });
}

/** Says something to everyone. */
export function sayToAll({ push }: ApiContext, said: z.output<typeof toAll>): Result<object> {
  return success(push.toAll(said.event, said.message));
}

const notKept = 'id: repeats of a message that is not stored cannot be recognized';

/** The id of a message, given in one place or in both alike. */
function oneId(own: string | undefined, key: string | undefined): Result<string | undefined> {
  if (own !== undefined && key !== undefined && own !== key) {
    return failed('payload_invalid', 'id: differs from the Idempotency-Key');
  }
  return success(own ?? key);
}

function withId(known: string | undefined): { id?: string } {
  return known === undefined ? {} : { id: known };
}
