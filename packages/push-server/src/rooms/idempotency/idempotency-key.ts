import { createHash } from 'node:crypto';

/** Begins the part that names the publisher. No id of a client or a program contains it. */
const publisherBegins = '\u001f';

/** How many characters of the hash of a uid are compared. */
const hashLength = 16;

/**
 * The idempotency key of a client's message: the id that the client gave, and a hash of its uid. The same id of another user, or of a program,
 * is another key: otherwise a client that guesses an id could keep a message from the room.
 */
export function idempotencyKeyOf(id: string, uid: string): string {
  return id + publisherBegins + createHash('sha256').update(uid).digest('base64url').slice(0, hashLength);
}

/** The id in an idempotency key, as the publisher gave it. */
export function publisherIdOf(id: string): string {
  const end = id.indexOf(publisherBegins);
  return end === -1 ? id : id.slice(0, end);
}
