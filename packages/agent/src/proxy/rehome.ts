import { setTimeout as delay } from 'node:timers/promises';
import { canResumeHeader, resumeAfterHeader, resumeHeader, resumeSkipHeader } from '@gopush/contract';
import { createTokenBucket } from '@gopush/service';
import { recallRequest } from '../agent-request.ts';
import type { AgentContext } from '../context.ts';
import { resolve } from '../resolve.ts';
import { choose } from '../route/choose.ts';
import type { Member } from '../route/fleet.ts';
import { type AnswerHead, headerOf } from './answer-head.ts';
import { openUpstream, type Upstream } from './open-upstream.ts';
import { ResumeMarks } from './resume-marks.ts';
import type { Resumable, Tunnel } from './tunnel.ts';
import { writeHeaders, writeRequestHead } from './write-head.ts';

/** Why a session could not go on at another target: its client is closed with 1012, and has to come back by itself. */
type FallbackCause =
  | 'unknown'
  | 'held too long'
  | 'refused'
  | 'stopping'
  | 'too many bytes'
  | 'client gone'
  /** The client was within an event of which it had sent more than `seamless.frameBytes`. */
  | 'event too large'
  /** The target ended within a frame. */
  | 'half a frame';

/** What came of moving sessions. */
export interface RehomeEvents {
  moved(tunnel: Tunnel, from: Member, cause: 'planned' | 'crash', pauseMs: number): void;
  fellBack(tunnel: Tunnel, from: Member, cause: FallbackCause): void;
}

/** Moves sessions whose target is gone to others. */
export interface Rehome {
  /** What a tunnel needs for that; `undefined` where its target does not speak of resuming, or it is switched off. */
  resumable(upstream: Upstream, request: ResumeRequest): Resumable | undefined;
  /** Tunnels whose clients are held. */
  readonly held: number;
  /** No session is moved any more. */
  close(): void;
}

/** What of the client's own request is needed to ask another target. */
interface ResumeRequest {
  readonly path: string;
  /** Lines of its headers, without identity and what is for one connection. */
  readonly headers: string;
  readonly key: string;
}

/** Waits between two rounds through all targets, in milliseconds: the first, and the longest. */
const pauses = { firstMs: 20, lastMs: 250 };

/** For how long a target that hands its sessions over gets no new clients, in milliseconds; its successor may be at the same address. */
const leavingMs = 1_000;

interface Next {
  readonly upstream: Upstream;
  readonly member: Member;
}

/** Opens the moving of sessions: docs/protocol.md, "Seamless restart". */
export function createRehome(context: Omit<AgentContext, 'rehome' | 'relocator'>, events: RehomeEvents): Rehome {
  const { config, fleet, headers: writer, tunnels } = context;
  const { enabled, holdMs, frameBytes, movesPerSecond, maxHeldBytes } = config.seamless;
  const { connectTimeoutMs, handshakeTimeoutMs } = config.agent;
  const bucket = createTokenBucket(movesPerSecond, performance.now());
  let held = 0;
  let heldBytes = 0;
  let closed = false;

  async function rehome(tunnel: Tunnel, request: ResumeRequest, cause: 'planned' | 'crash'): Promise<void> {
    const startedAt = performance.now();
    const from = tunnel.info.member;
    if (cause === 'planned') from.ejectedUntil = Math.max(from.ejectedUntil, Date.now() + leavingMs);
    held++;
    const bytes = tunnel.client.openBytes;
    heldBytes += bytes;
    const cannot = !tunnel.client.canReplay
      ? 'event too large'
      : heldBytes > maxHeldBytes
        ? 'too many bytes'
        : undefined;
    const outcome = cannot ?? (await findNext(tunnel, request, from));
    held--;
    heldBytes -= bytes;
    if (typeof outcome !== 'string') {
      join(tunnel, outcome, () => events.moved(tunnel, from, cause, performance.now() - startedAt));
      return;
    }
    events.fellBack(tunnel, from, outcome);
    if (outcome === 'client gone') tunnel.destroy('client closed');
    else tunnels.closeSoon(tunnel);
  }

  /** Asks targets until one goes on: another one first, then the successor of the one that is gone, which may have its address. */
  async function findNext(tunnel: Tunnel, request: ResumeRequest, from: Member): Promise<Next | FallbackCause> {
    const { resumable, info } = tunnel;
    if (resumable === undefined) return 'unknown';
    const deadline = Date.now() + holdMs;
    const asking = recallRequest(tunnel.client.socket, request.path, request.headers);
    // First the others: whoever listens at the old address now may be about to end.
    const tried = new Set([from]);
    for (let pauseMs: number = pauses.firstMs; ; pauseMs = Math.min(pauseMs * 2, pauses.lastMs)) {
      const route = await resolve(asking, info.uid, context.hooks(), context);
      const members = route.ok ? route.value.members : membersWithoutRoute(from);
      const outcome = await askAll(tunnel, request, members, tried, deadline);
      if (outcome !== 'nobody') return outcome;
      // All have been asked; whoever is to come needs a moment.
      await delay(pauseMs);
      tried.clear();
    }
  }

  async function askAll(
    tunnel: Tunnel,
    request: ResumeRequest,
    members: readonly Member[],
    tried: Set<Member>,
    deadline: number,
  ): Promise<Next | FallbackCause | 'nobody'> {
    for (;;) {
      const over = whyOver(tunnel, deadline);
      if (over !== undefined) return over;
      const member = nextMember(tunnel, members, tried);
      if (member === undefined) return 'nobody';
      while (!bucket.take(performance.now())) await delay(5);
      tried.add(member);
      const upstream = await ask(tunnel, request, member);
      if (upstream === 'try another') continue;
      if (typeof upstream === 'string') return upstream;
      if (!tunnel.isOver) return { upstream, member };
      upstream.socket.destroy();
    }
  }

  function whyOver(tunnel: Tunnel, deadline: number): FallbackCause | undefined {
    const { destroyed, readableEnded } = tunnel.client.socket;
    if (destroyed || readableEnded) return 'client gone';
    if (closed || tunnel.isOver) return 'stopping';
    return Date.now() >= deadline ? 'held too long' : undefined;
  }

  function nextMember({ info }: Tunnel, members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined {
    const { policy } = info.member.product;
    const { slowStartMs } = fleet.health;
    const client = { product: info.product, uid: info.uid, tried, now: Date.now(), slowStartMs };
    // Where none wants new clients a session needs a place all the same.
    return choose(members, policy, client) ?? members.find((member) => !tried.has(member));
  }

  async function ask(
    tunnel: Tunnel,
    { path, headers, key }: ResumeRequest,
    member: Member,
  ): Promise<Upstream | FallbackCause | 'try another'> {
    const { resumable, info } = tunnel;
    const marks = resumable?.marks.write() ?? '';
    const own = [
      ...writer.ofIdentity({ uid: info.uid, product: info.product }, info.id),
      ...[canResumeHeader, '1', resumeHeader, resumable?.token ?? ''],
      ...(marks === '' ? [] : [resumeAfterHeader, marks]),
    ];
    const upstream = await openUpstream({
      target: member.target,
      request: writeRequestHead('GET', path, headers + writeHeaders(own)),
      key,
      connectTimeoutMs,
      timeoutMs: handshakeTimeoutMs,
      client: tunnel.client.socket,
    });
    if (!upstream.ok) {
      const { code } = upstream.failure;
      return code === 'client_gone' ? 'client gone' : 'try another';
    }
    const { socket, head, body } = upstream.value;
    if (body === undefined && skipOf(head) !== undefined) return upstream.value;
    socket.destroy();
    // It has begun a new session, which its client knows nothing of.
    if (body === undefined) return 'try another';
    if (headerOf(head, 'x-gopush-error') === 'session_unknown') return 'unknown';
    // It may be one that stops as well, or cannot reach its store just now.
    return head.status >= 500 ? 'try another' : 'refused';
  }

  function join(tunnel: Tunnel, { upstream, member }: Next, onGoing: () => void): void {
    const { socket, head, early } = upstream;
    const { info, resumable } = tunnel;
    info.member.tunnels--;
    member.tunnels++;
    info.member = member;
    if (resumable !== undefined) resumable.token = headerOf(head, resumeHeader) ?? '';
    tunnel.rejoin(socket, early, skipOf(head) ?? 0, onGoing);
  }

  return {
    get held() {
      return held;
    },
    resumable({ head }, request) {
      const token = headerOf(head, resumeHeader);
      // What was compressed with what came before cannot be read by another target.
      if (!enabled || !token || headerOf(head, 'sec-websocket-extensions') !== undefined) return undefined;
      return {
        token,
        marks: new ResumeMarks(),
        frameBytes,
        onLost: (tunnel, cause) => {
          rehome(tunnel, request, cause).catch((error: unknown) => {
            context.log.error({ err: error }, 'moving a session failed');
            tunnel.destroy('cut');
          });
        },
        onCut: (tunnel) => events.fellBack(tunnel, tunnel.info.member, 'half a frame'),
      };
    },
    close() {
      closed = true;
    },
  };
}

/** Where a session may go while hooks fail: of a function only what it named for this client, and not what it named for another. */
function membersWithoutRoute(from: Member): readonly Member[] {
  return from.product.byFunction ? [from] : from.product.current;
}

/** How many frames are not for the client: Engine.IO's opening, and the answer for each namespace. */
function skipOf(head: AnswerHead): number | undefined {
  const text = headerOf(head, resumeSkipHeader) ?? '';
  const skip = Number(text);
  // 0: a target that says nothing first.
  return /^\d{1,5}$/.test(text) && skip <= maxSkip ? skip : undefined;
}

/** More namespaces than a client has. */
const maxSkip = 10_000;
