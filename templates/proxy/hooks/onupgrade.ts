import { randomUUID } from 'node:crypto';
import { defineOnUpgrade } from 'gopush';

/** Who is this client, when it opens a WebSocket? The visitor of the cookie; programs have none. */
export default defineOnUpgrade((request) => request.cookies.visitor ?? randomUUID());
