import { defineAgent } from 'gopush';

/**
 * Who is this client? On this machine it is whatever `?user=` or the cookie `user` says.
 * Anyone can claim to be anyone this way: never use it where others can connect. agent.production verifies the user.
 */
export default defineAgent((request) => request.query.user ?? request.cookies.user ?? 'visitor');
