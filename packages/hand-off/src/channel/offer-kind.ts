/**
 * What is offered: `upgrade`, a client whose upgrade request nobody has responded to; `session`, one that has been
 * upgraded, and whose session goes on at another taker.
 */
export type OfferKind = 'upgrade' | 'session';
