import { connect } from 'node:net';
import type { Target } from '@gopush/contract';
import type { UpstreamConnection } from '../proxy/http/target-connections.ts';
import type { Member } from '../route/fleet.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { addressOf } from '../target/connect-target.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { Relocator } from './rebalance.ts';

/** Why a target that says nothing is given up: its machine cannot be reached, it has left the list and is silent, or it has been silent for too long. */
export type SilentCause = 'unreachable' | 'left' | 'silent';

/** Between two looks at all targets, in milliseconds. */
const beatMs = 1_000;

/** How long a target whose machine cannot be reached, or that has left the list, may say nothing, in milliseconds. */
const shortMs = 3_000;

/** How many attempts in a row to reach its machine have to fail. */
const unreachedTimes = 2;

/** A target that was heard within this time can take sessions, in milliseconds. */
const freshMs = 3 * beatMs;

/** After how long a target is doubted that cannot be asked for a sign of life, since its protocol is not known, in milliseconds. */
const doubtMs = 5_000;

/** How many of a target's tunnels are asked at a time: one may be stuck for reasons of its own. */
const asked = 3;

/** What is known of whether a target is there. Times are those of `performance.now()`. */
interface Pulse {
  readonly target: Target;
  heardAt: number;
  /** Open tunnels, and connections with a request on them; looked up anew with each beat. */
  tunnels: Tunnel[];
  requests: UpstreamConnection[];
  wasHeard: boolean;
  /** Bytes that its connections have read, and its clients have sent. */
  bytesRead: number;
  bytesSent: number;
  /** `bytesSent` when it was last heard. */
  sentWhenHeard: number;
  /** Whether it was asked for a sign of life since it was heard. */
  isAsked: boolean;
  /** How often its machine could not be reached since then. */
  unreached: number;
  isBusy: boolean;
}

/** What heartbeats need. */
export type HeartbeatContext = Pick<AgentContext, 'config' | 'tunnels' | 'upstreams' | 'fleet' | 'observer' | 'log'> & {
  readonly relocator: Pick<Relocator, 'hasLeft'>;
};

/**
 * Notices targets that are gone without a word: a machine without power, a cut cable, a process that hangs. TCP tells of these after a quarter of
 * an hour, where data is on its way.
 *
 * Whatever comes from a target is a sign of life. One that is silent is asked for one on its tunnels, by a ping that its clients do not see, and
 * its machine is tried with a new connection. Its sessions fail over only while another target is known to be there: where all are silent it is
 * more likely the agent that is cut off.
 *
 * @returns stops looking
 */
export function startHeartbeats(context: HeartbeatContext): () => void {
  const { config, tunnels, upstreams, observer } = context;
  const { silentMs } = config.seamless;
  const pulses = new Map<string, Pulse>();
  let lastBeat = performance.now();

  function pulseOf(target: Target, now: number): Pulse {
    let pulse = pulses.get(target.name);
    if (pulse === undefined) {
      pulse = createPulse(target, now);
      pulses.set(target.name, pulse);
    }
    return pulse;
  }

  function collect(now: number): void {
    for (const pulse of pulses.values()) {
      pulse.tunnels = [];
      pulse.requests = [];
      pulse.wasHeard = false;
      pulse.bytesSent = 0;
    }
    collectTunnels(now);
    collectRequests(now);
  }

  function collectTunnels(now: number): void {
    for (const tunnel of tunnels.all()) {
      if (tunnel.isHeld || tunnel.isOver) continue;
      const pulse = pulseOf(tunnel.info.member.target, now);
      pulse.tunnels.push(tunnel);
      pulse.bytesSent += tunnel.client.bytes;
      if (tunnel.wasHeard()) pulse.wasHeard = true;
    }
  }

  function collectRequests(now: number): void {
    const read = new Map<Pulse, number>();
    for (const connection of upstreams.all()) {
      const pulse = pulseOf(connection.target, now);
      if (connection.isBusy) pulse.requests.push(connection);
      read.set(pulse, (read.get(pulse) ?? 0) + connection.socket.bytesRead);
    }
    for (const [pulse, bytes] of read) {
      if (bytes !== pulse.bytesRead) pulse.wasHeard = true;
      pulse.bytesRead = bytes;
    }
  }

  function beat(): void {
    const now = performance.now();
    // What came while this process stood still has not been read yet.
    if (now - lastBeat > freshMs) for (const pulse of pulses.values()) pulse.heardAt = now;
    lastBeat = now;
    collect(now);
    for (const [name, pulse] of pulses) {
      if (pulse.tunnels.length === 0 && pulse.requests.length === 0) pulses.delete(name);
      else look(pulse, now);
    }
  }

  function look(pulse: Pulse, now: number): void {
    if (pulse.wasHeard) {
      heard(pulse, now);
      return;
    }
    const forMs = now - pulse.heardAt;
    if (forMs < beatMs) return;
    if (askSome(pulse)) pulse.isAsked = true;
    if (pulse.isBusy) return;
    const isDoubted = pulse.isAsked ? forMs >= 2 * beatMs : forMs >= doubtMs && isAwaited(pulse);
    if (!isDoubted) return;
    pulse.isBusy = true;
    void examine(pulse).finally(() => {
      pulse.isBusy = false;
    });
  }

  async function examine(pulse: Pulse): Promise<void> {
    const isThere = await reaches(pulse.target);
    if (isThere === false) pulse.unreached++;
    else if (isThere) pulse.unreached = 0;
    const cause = causeOf(pulse);
    if (cause === undefined || !(await isAnotherThere(pulse))) return;
    // It may have said something meanwhile.
    if (pulses.get(pulse.target.name) === pulse && causeOf(pulse) === cause) giveUp(pulse, cause);
  }

  function causeOf(pulse: Pulse): SilentCause | undefined {
    const forMs = performance.now() - pulse.heardAt;
    if (forMs < shortMs) return undefined;
    if (pulse.unreached >= unreachedTimes) return 'unreachable';
    if (!pulse.isAsked) return undefined;
    if (pulse.tunnels.every(({ info }) => context.relocator.hasLeft(info.member))) return 'left';
    return silentMs > 0 && forMs >= silentMs ? 'silent' : undefined;
  }

  /** Whether its sessions can go somewhere. */
  async function isAnotherThere({ target, tunnels: ofTarget }: Pulse): Promise<boolean> {
    const products = new Set(ofTarget.map(({ info }) => info.member.product));
    // Requests in flight are not moved; whoever sent them tries again, as with any that fails.
    if (products.size === 0) return true;
    const others = [...products].flatMap(({ members }) => [...members.values()]);
    for (const { target: other } of others) {
      if (other.name === target.name) continue;
      const pulse = pulses.get(other.name);
      const isFresh = pulse === undefined ? await reaches(other) : performance.now() - pulse.heardAt <= freshMs;
      if (isFresh) return true;
    }
    return false;
  }

  function giveUp(pulse: Pulse, cause: SilentCause): void {
    pulses.delete(pulse.target.name);
    const members = new Set<Member>();
    for (const tunnel of pulse.tunnels) {
      // What cannot be asked for a sign of life may be silent for as long as it likes.
      if (tunnel.resumable === undefined && cause !== 'unreachable') continue;
      members.add(tunnel.info.member);
      tunnel.failOver();
    }
    const until = Date.now() + config.health.ejectMs;
    for (const member of members) member.ejectedUntil = Math.max(member.ejectedUntil, until);
    // A target that has left the list is given up before its machine has failed to answer often enough to be called unreachable.
    if (cause === 'unreachable' || pulse.unreached > 0) {
      for (const { socket } of pulse.requests) socket.destroy(new TargetGoneError());
    }
    observer.targetSilent(pulse.target, cause, pulse.tunnels.length, performance.now() - pulse.heardAt);
  }

  const timer = setInterval(beat, beatMs).unref();
  return () => clearInterval(timer);
}

/** With an error, or half an answer would be taken for a whole one. */
class TargetGoneError extends Error {
  override readonly name = 'TargetGoneError';
  override readonly message = 'the machine of the target cannot be reached';
}

function createPulse(target: Target, now: number): Pulse {
  return {
    target,
    heardAt: now,
    tunnels: [],
    requests: [],
    wasHeard: false,
    bytesRead: 0,
    bytesSent: 0,
    sentWhenHeard: 0,
    isAsked: false,
    unreached: 0,
    isBusy: false,
  };
}

function heard(pulse: Pulse, now: number): void {
  pulse.heardAt = now;
  pulse.sentWhenHeard = pulse.bytesSent;
  pulse.isAsked = false;
  pulse.unreached = 0;
}

/** Whether somebody may be waiting for an answer. */
function isAwaited({ requests, bytesSent, sentWhenHeard }: Pulse): boolean {
  return requests.length > 0 || bytesSent !== sentWhenHeard;
}

/** Asks some of its tunnels, others each time. @returns whether any could be asked */
function askSome({ tunnels }: Pulse): boolean {
  const start = Math.floor(Math.random() * tunnels.length);
  let count = 0;
  for (let index = 0; index < tunnels.length && count < asked; index++) {
    if (tunnels[(start + index) % tunnels.length]?.askAlive()) count++;
  }
  return count > 0;
}

/** What connecting fails with where a machine does not answer. One that refuses is there. */
const unreachable: ReadonlySet<string | undefined> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT']);

/** Whether anything answers at a target's address; `undefined` where that cannot be told. */
function reaches(target: Target): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(target));
    const end = (found: boolean | undefined): void => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(beatMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ECONNRESET') end(true);
      else end(unreachable.has(code) ? false : undefined);
    });
  });
}
