import { anonymous, defineAgent } from 'gopush';
import { nameOf } from '../lib/session.js';

/** Who is it? The session says. Those without one get the client library, but no socket. */
export default defineAgent(async (request) => (await nameOf(request)) ?? anonymous);
