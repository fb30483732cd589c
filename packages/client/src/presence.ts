import type { events, PresencePage, PresenceRequest } from '@gopush/contract';
import type { Ask } from './socket.ts';

/** Reads one page of the users in a room. */
export async function readPresencePage(
  ask: Ask,
  room: string,
  options: Omit<PresenceRequest, 'room'> = {},
): Promise<PresencePage> {
  const event: typeof events.presence = 'go:presence';
  const { users, next } = await ask<PresencePage>(event, { ...options, room });
  return { users, next };
}

/** Reads all users in a room, page by page. */
export async function readPresence(ask: Ask, room: string): Promise<PresencePage['users']> {
  let { users, next } = await readPresencePage(ask, room);
  while (next) {
    const page = await readPresencePage(ask, room, { after: next });
    users = [...users, ...page.users];
    next = page.next;
  }
  return users;
}
