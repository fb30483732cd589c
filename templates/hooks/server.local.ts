import { defineServer } from 'gopush';

/**
 * What may clients do on a push-server? On this machine: everything. All functions are optional; one that throws allows nothing.
 * Events that gopush does not know go to `onMessage`, and its return value goes to the client's ack.
 *
 * Handlers of `setup` see a client whose session migrates as `connection` and `disconnect`. Check `isMigrated(socket)` and the reason
 * `migrated`, so that the client does not appear to leave and join again.
 */
export default defineServer({
  canJoin: () => true,
  canPublish: () => true,
  onMessage: (client, event, data) => ({ ok: true, uid: client.uid, event, data }),
});
