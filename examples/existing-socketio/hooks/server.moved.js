import { defineServer, isMigrated } from 'gopush';
import { addHandlers } from '../lib/handlers.js';
import { session, user } from '../lib/session.js';

/** The handlers of server.js, on push-servers. */
export default defineServer({
  setup(io) {
    io.engine.use(session);
    io.engine.use(user);
    addHandlers(io, (socket) => !isMigrated(socket));
  },
});
