import { defineOnUpgrade } from 'gopush';
import { userOf } from '../app/session.ts';

/** Who is this client, when it opens a WebSocket? */
export default defineOnUpgrade(userOf);
