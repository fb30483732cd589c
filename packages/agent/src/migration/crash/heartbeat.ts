import type { FailureCode, Target } from '@gopush/contract';
import type { TargetConnections } from '../../proxy/http/target-connections.ts';
import type { Member } from '../../route/fleet.ts';
import type { Tunnel } from '../../tunnel/tunnel.ts';
import { beatMs, freshMs, Pulse, type SilentCause } from './pulse.ts';
import { reachMachine } from './reach-machine.ts';

/** What heartbeats need. */
export interface HeartbeatOptions {
  /** How long a target may be silent, in milliseconds; 0: for ever. */
  readonly silentMs: number;
  /** All open tunnels. */
  readonly tunnels: () => Iterable<Tunnel>;
  /** All connections to targets for plain requests. */
  readonly connections: Pick<TargetConnections, 'all' | 'onClosed' | 'retire'>;
  /** Whether the router no longer names a target that it named before. */
  readonly hasLeft: (member: Member) => boolean;
  /** Keeps clients away from a target. @param replaced - its members of products with another target that is up */
  readonly eject: (target: Target, code: FailureCode, replaced: ReadonlySet<Member>) => void;
  /** A silent target was given up. */
  readonly onSilent: (target: Target, cause: SilentCause, tunnels: number, forMs: number) => void;
}

/**
 * Detects targets that are gone without a word: a machine without power, a cut cable, a process that hangs. TCP reports these after a quarter of an
 * hour, if data is on its way.
 *
 * Any byte from a target is a sign of life. A silent target is probed on its tunnels, by a ping that its clients
 * do not see, and its machine is tried with a new connection. Its sessions fail over only while another target is known
 * to be up: if all are silent, the agent itself is more likely to be cut off.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #pulses = new Map<string, Pulse>();
  readonly #timer: NodeJS.Timeout;
  #lastBeat = performance.now();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#beat(), beatMs).unref();
    // Bytes that a closed connection had read are a sign of life; its end is none.
    options.connections.onClosed = (connection) => {
      const pulse = this.#pulses.get(connection.target.name);
      if (pulse !== undefined && connection.wasHeard()) pulse.wasHeard = true;
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#lastBeat > freshMs) for (const pulse of this.#pulses.values()) pulse.forgive(now);
    this.#lastBeat = now;
    for (const pulse of this.#pulses.values()) pulse.beginBeat();
    this.#collectTunnels(now);
    this.#collectRequests(now);
    for (const [name, pulse] of this.#pulses) {
      if (pulse.tunnels.length === 0 && pulse.requests.length === 0) this.#pulses.delete(name);
      else this.#look(pulse, now);
    }
  }

  #collectTunnels(now: number): void {
    for (const tunnel of this.#options.tunnels()) {
      if (tunnel.isHeld || tunnel.isOver) continue;
      const pulse = this.#pulseOf(tunnel.info.member.target, now);
      pulse.tunnels.push(tunnel);
      pulse.bytesSent += tunnel.client.bytes;
      if (tunnel.wasHeard()) pulse.wasHeard = true;
    }
  }

  #collectRequests(now: number): void {
    for (const connection of this.#options.connections.all()) {
      const pulse = this.#pulseOf(connection.target, now);
      if (connection.isBusy) pulse.requests.push(connection);
      if (connection.wasHeard()) pulse.wasHeard = true;
    }
  }

  #pulseOf(target: Target, now: number): Pulse {
    let pulse = this.#pulses.get(target.name);
    if (pulse === undefined) {
      pulse = new Pulse(target, now);
      this.#pulses.set(target.name, pulse);
    }
    return pulse;
  }

  #look(pulse: Pulse, now: number): void {
    if (pulse.wasHeard) {
      pulse.heard(now);
      return;
    }
    if (pulse.silentMs(now) < beatMs) return;
    pulse.probe();
    if (pulse.isBusy || !pulse.isDoubted(now)) return;
    pulse.isBusy = true;
    void this.#examine(pulse).finally(() => {
      pulse.isBusy = false;
    });
  }

  async #examine(pulse: Pulse): Promise<void> {
    pulse.tried(await reachMachine(pulse.target, beatMs));
    const cause = this.#causeOf(pulse);
    if (cause === undefined || !(await this.#isAnotherUp(pulse))) return;
    // Something may have come from it meanwhile.
    if (this.#pulses.get(pulse.target.name) === pulse && this.#causeOf(pulse) === cause) this.#giveUp(pulse, cause);
  }

  #causeOf(pulse: Pulse): SilentCause | undefined {
    const { hasLeft, silentMs } = this.#options;
    return pulse.cause(performance.now(), () => pulse.tunnels.every(({ info }) => hasLeft(info.member)), silentMs);
  }

  /** Whether another target can take its sessions. */
  async #isAnotherUp({ target, tunnels }: Pulse): Promise<boolean> {
    const products = new Set(tunnels.map(({ info }) => info.member.product));
    // Requests in flight do not migrate; they fail, and clients retry.
    if (products.size === 0) return true;
    const others = [...products].flatMap(({ members }) => [...members.values()]);
    for (const { target: other } of others) {
      if (other.name === target.name) continue;
      const pulse = this.#pulses.get(other.name);
      const isUp = pulse === undefined ? await reachMachine(other, beatMs) : pulse.isFresh(performance.now());
      if (isUp) return true;
    }
    return false;
  }

  #giveUp(pulse: Pulse, cause: SilentCause): void {
    const { connections, eject, onSilent } = this.#options;
    const { target, tunnels, requests } = pulse;
    this.#pulses.delete(target.name);
    const members = new Set<Member>();
    for (const tunnel of tunnels) {
      // A target whose protocol cannot be probed may be silent for any time.
      if (tunnel.migration === undefined && cause !== 'unreachable') continue;
      members.add(tunnel.info.member);
      tunnel.giveUpTarget();
    }
    const isUnreachable = cause === 'unreachable' || pulse.isUnreached;
    eject(target, isUnreachable ? 'target_unreachable' : 'target_silent', members);
    // A target that has left its list is given up before attempts to reach its machine have failed often enough to call it unreachable.
    if (isUnreachable) {
      connections.retire(target);
      for (const { socket } of requests) socket.destroy(new TargetGoneError());
    }
    onSilent(target, cause, tunnels.length, pulse.silentMs(performance.now()));
  }
}

/** With an error, since otherwise a part of a response would be taken for all of it. */
class TargetGoneError extends Error {
  override readonly name = 'TargetGoneError';
  override readonly message = 'the machine of the target cannot be reached';
}
