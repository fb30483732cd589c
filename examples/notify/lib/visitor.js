import { randomUUID } from 'node:crypto';

/** Visitors are told apart so that they are spread over the replicas: a browser by its cookie, others by each request. */
export const visitorOf = ({ cookies }) =>
  /^[\w-]{1,64}$/.test(cookies.visitor ?? '') ? cookies.visitor : randomUUID();
