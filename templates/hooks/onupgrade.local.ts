import { defineOnUpgrade } from 'gopush';

/**
 * Who is this client, when it opens a WebSocket? The same as on HTTP. Without this file the agent hook decides; it is here for
 * projects where the two differ.
 */
export default defineOnUpgrade((request) => request.query.user ?? request.cookies.user ?? 'visitor');
