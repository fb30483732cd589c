import { createHmac, timingSafeEqual } from 'node:crypto';
import { defineOnUpgrade } from 'gopush';

/**
 * Who is this client, when it opens a WebSocket? The user in the cookie `session`, if the cookie is signed with SESSION_SECRET. When your
 * service signs a user in, it must set the cookie to `<uid>.<signature>`:
 *
 *   const signature = createHmac('sha256', process.env.SESSION_SECRET).update(uid).digest('base64url');
 *
 * Replace this with your own authentication: a session in a database, a JWT (`verifyJwt` of `gopush/jwt`), …
 */
export default defineOnUpgrade((request) => {
  const secret = process.env.SESSION_SECRET;
  const session = request.cookies.session ?? '';
  const dot = session.lastIndexOf('.');
  if (!secret || dot < 1) return undefined;
  const uid = session.slice(0, dot);
  const given = Buffer.from(session.slice(dot + 1), 'base64url');
  const wanted = createHmac('sha256', secret).update(uid).digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? uid : undefined;
});
