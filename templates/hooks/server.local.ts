import { defineServer } from 'gopush';

/**
 * What may clients do on a push-server? On this machine: everything. Each function may be left out; one that throws lets nothing
 * through. Events that gopush does not know come to `onMessage`, and its answer goes to the client's ack.
 *
 * Handlers of `setup` see a client whose session migrates as `connection` and `disconnect`. They tell it by `isMigrated(socket)` and the reason
 * `migrated`, so that nobody is said to come or leave.
 */
export default defineServer({
  canJoin: () => true,
  canPublish: () => true,
  onMessage: (client, event, data) => ({ ok: true, uid: client.uid, event, data }),
});
