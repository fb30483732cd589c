import { defineAgent } from 'gopush';

/**
 * Who is this client? On this machine: whoever it says it is, as `?user=` or as the cookie `user`.
 * Anyone may claim to be anyone so: never use this where others can connect. See agent.production for one that checks.
 */
export default defineAgent((request) => request.query.user ?? request.cookies.user ?? 'visitor');
