import type { HandedOver } from '@gopush/hand-off';
import type { Member } from '../route/fleet.ts';

/**
 * What stays in memory of a client whose connection was handed off. The rest is in its record, which is read when it is needed: an agent has many
 * thousands of these.
 */
export class HandedClient {
  /** The target that serves it. */
  readonly member: Member;
  /** Why this agent has asked its target to end it. */
  cause: 'idle' | 'too old' | undefined = undefined;
  /** When its limits are to be looked at next, in milliseconds since 1970. */
  lookAt = 0;

  constructor(member: Member) {
    this.member = member;
  }
}

/** The connection of a client that was handed off. */
export type Handed = HandedOver<HandedClient>;
