import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Act } from '@gopush/cluster';
import { defaultProduct, failed, maxProductBytes, nameFault, type Result, success } from '@gopush/contract';
import { type AdminRoute, readText, respondText } from '@gopush/service';
import { z } from 'zod';
import { check } from '../api/request/check.ts';
import { event, message, room, uid } from '../api/request/fields.ts';
import { refuse, respond } from '../http/respond.ts';
import type { Push } from '../rooms/publish/push.ts';

/** Largest body of an action, in bytes. */
const maxBytes = 65_536;

const product = z
  .string()
  .refine((value) => nameFault(value, maxProductBytes) === undefined, { error: 'wanted the name of a product' })
  .default(defaultProduct);

/** A message to a room or to a user. */
const toSend = z.union([
  z.strictObject({ room, product, event, message }),
  z.strictObject({ user: uid, product, event, message }),
]);

const toDisconnect = z.strictObject({ user: uid, product });

/** Does what JSON asks for. */
type Action = (push: Push, json: string) => Promise<Result<object>>;

const actions = {
  send: action(toSend, async (request, push) => {
    const of = push.of(request.product);
    return 'room' in request
      ? of.toRoom(request.room, request.event, request.message, { keep: 'no' })
      : of.toUser(request.user, request.event, request.message, { keep: 'no' });
  }),
  disconnect: action(toDisconnect, async (request, push) => {
    return success(push.of(request.product).disconnectUser(request.user));
  }),
};

/**
 * The actions on clients that an admin listener offers to those who have a key: `POST /send` and `POST /disconnect`, with JSON.
 *
 * @param push - `undefined` before the push-server has opened
 */
export function createAdminActions(push: () => Push | undefined): Record<string, AdminRoute> {
  return Object.fromEntries(
    Object.entries(actions).map(([name, run]) => [`POST /${name}`, { needs: 'key', serve: serveBy(push, run) }]),
  );
}

/** The same actions, requested on the page of another node. */
export function createAdminActs(push: () => Push | undefined): Record<string, Act> {
  return Object.fromEntries(
    Object.entries(actions).map(([name, run]): [string, Act] => [
      name,
      async (json) => {
        const open = push();
        if (open === undefined) throw new Error('not yet');
        const result = await run(open, json);
        if (!result.ok) throw new Error(result.failure.detail ?? result.failure.code);
        return 'partial' in result.value ? 'done, but other push-servers could not be reached' : 'done';
      },
    ]),
  );
}

function serveBy(push: () => Push | undefined, run: Action): AdminRoute['serve'] {
  return async (request: IncomingMessage, response: ServerResponse) => {
    const open = push();
    if (open === undefined) return respondText(response, 503, 'not yet\n');
    const text = await readText(request, maxBytes);
    const result = text === undefined ? failed('body_too_large') : await run(open, text);
    if (result.ok) respond(response, 200, result.value);
    // The rest of a body that was not read would be taken for the next request.
    else refuse(response, result.failure, request.complete ? {} : { connection: 'close' });
  };
}

function action<T>(schema: z.ZodType<T>, run: (request: T, push: Push) => Promise<Result<object>>): Action {
  return async (push, json) => {
    const request = parse(schema, json);
    return request.ok ? run(request.value, push) : request;
  };
}

function parse<T>(schema: z.ZodType<T>, text: string): Result<T> {
  try {
    return check(schema, JSON.parse(text) as unknown);
  } catch {
    return failed('payload_invalid', 'body: wanted JSON');
  }
}
