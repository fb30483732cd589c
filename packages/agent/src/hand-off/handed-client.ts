import type { HandedOver } from '@gopush/hand-off';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';
import { type HandOffRecord, infoOf, readRecord } from './record.ts';

/**
 * What stays in memory of a client whose connection was handed over. The rest is in its record, which is read when it is needed: an agent has many
 * thousands of these.
 */
export class HandedClient {
  /** The target that serves it. */
  readonly member: Member;
  /** Whether its session can migrate: its target has named it. */
  readonly canMigrate: boolean;
  /** Why this agent ends it, or has asked its target to. */
  cause: 'idle' | 'too old' | 'fault' | undefined = undefined;
  /** When its limits are checked next, in time of `performance.now()`. */
  checkAt = 0;
  /** Its connection, once the target has it. */
  handed: Handed | undefined = undefined;
  /** Whether its session has already passed the agent's rate limit, and need not wait again when its target has given it. */
  isPaced = false;

  constructor(member: Member, { token }: Pick<HandOffRecord, 'token'>) {
    this.member = member;
    this.canMigrate = token !== undefined;
  }

  /** The client, from its record, which is read each time; `undefined`: there is no record, as after its end. */
  get info(): TunnelInfo | undefined {
    const record = this.handed && readRecord(this.handed.readRecord());
    return record && infoOf(record, this.member);
  }

  /** Always `false`: while its session waits for the next target, it is over here, or has a tunnel. */
  get isHeld(): boolean {
    return false;
  }

  /** Whether its target serves it no more. */
  get isOver(): boolean {
    return this.handed?.state !== 'served';
  }

  /** Asks the target to give its session. @returns whether it could be asked */
  migrate(): boolean {
    this.isPaced = this.canMigrate && this.handed?.askToLeave() === true;
    return this.isPaced;
  }
}

/** The connection of a client that was handed over. */
export type Handed = HandedOver<HandedClient>;
