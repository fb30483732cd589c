import { defineAgent } from 'gopush';

/** Trusts the client: only for an example. */
export default defineAgent((request) => request.query.user ?? 'visitor');
