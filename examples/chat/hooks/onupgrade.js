import { defineOnUpgrade } from 'gopush';
import { userOf } from '../lib/tokens.js';

/** Who opens a WebSocket: the cookie or the bearer token says. */
export default defineOnUpgrade(userOf);
