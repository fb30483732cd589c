import { createHash } from 'node:crypto';

/** No id that a client or a program gives holds it. */
const publisherBegins = '\u001f';

/** How much of the hash of a uid tells users apart. */
const hashLength = 16;

/**
 * The id by which a client's message is recognised: its own, and whose it is. What one user has published must not be taken for what another one,
 * or a program, publishes with the same id: who guesses an id could keep a message from the room.
 */
export function idempotencyKeyOf(id: string, uid: string): string {
  return id + publisherBegins + createHash('sha256').update(uid).digest('base64url').slice(0, hashLength);
}

/** The id as its publisher gave it. */
export function publisherIdOf(id: string): string {
  const end = id.indexOf(publisherBegins);
  return end === -1 ? id : id.slice(0, end);
}
