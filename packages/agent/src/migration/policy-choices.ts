import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member } from '../route/fleet.ts';
import type { TunnelInfo } from '../tunnel/tunnel-info.ts';

/** The targets that its product's policy chooses for a session. */
export class PolicyChoices {
  readonly #info: Pick<TunnelInfo, 'uid' | 'address' | 'product' | 'member'>;
  readonly #slowStartMs: number;

  constructor(info: Pick<TunnelInfo, 'uid' | 'address' | 'product' | 'member'>, slowStartMs: number) {
    this.#info = info;
    this.#slowStartMs = slowStartMs;
  }

  /** The choice for a new client. If no target accepts new clients, the session still gets one that was not tried. */
  first(members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined {
    return this.#choose(members, tried) ?? members.find((member) => !tried.has(member));
  }

  /** The choice after the first one. One of less weight would get more than its share if it stood in for that. */
  second(first: Member, members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined {
    const second = this.#choose(members, new Set([...tried, first]));
    const now = performance.now();
    const weightOf = (member: Member): number => member.weight(now, this.#slowStartMs);
    return second !== undefined && weightOf(second) >= weightOf(first) ? second : undefined;
  }

  #choose(members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined {
    const { uid, address, product, member } = this.#info;
    const client = {
      product,
      key: clientKey(uid, address),
      tried,
      now: performance.now(),
      slowStartMs: this.#slowStartMs,
    };
    return choose(members, member.product.policy, client);
  }
}
