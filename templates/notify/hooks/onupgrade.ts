import { randomUUID } from 'node:crypto';
import { defineOnUpgrade } from 'gopush';

/** Who is this client, when it opens a WebSocket? The visitor of the cookie; programs have none. */
export default defineOnUpgrade(({ cookies }) => {
  const { visitor = '' } = cookies;
  return /^[0-9a-f-]{36}$/.test(visitor) ? visitor : randomUUID();
});
