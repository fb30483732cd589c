import { canMigrateHeader, lastPositionsHeader, sessionTokenHeader, skipFramesHeader, success } from '@gopush/contract';
import { openUpstream, type Upstream } from '../proxy/upgrade/request-upgrade.ts';
import { recallRequest } from '../request/agent-request.ts';
import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member } from '../route/fleet.ts';
import { resolve } from '../route/resolve.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import type { Resumable, Tunnel } from '../tunnel/tunnel.ts';
import { type AnswerHead, headerOf } from '../wire/response-head.ts';
import { writeHeaders, writeHost, writeRequestHead } from '../wire/write-head.ts';
import { ResumeMarks } from './given-positions.ts';
import { type Next, type Said, Searches } from './target-search.ts';

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
  /** As the client sent it, for hooks. */
  readonly url: string;
  /** As the target gets it. */
  readonly path: string;
  /** Lines of its headers, without identity and what is for one connection. */
  readonly headers: string;
  readonly key: string;
}

/** How long a session that was taken over keeps its turn at the target while it does not go on, in milliseconds. */
const lateMs = 2_000;

/** Opens the migration of sessions: docs/protocol.md, "Seamless restart". */
export function createRehome(context: Omit<AgentContext, 'rehome' | 'relocator'>, events: RehomeEvents): Rehome {
  const { config, fleet, headers: writer, tunnels } = context;
  const { enabled, holdMs, frameBytes, movesPerSecond, maxHeldBytes } = config.seamless;
  const { connectTimeoutMs, handshakeTimeoutMs } = config.agent;
  const searches = new Searches<FallbackCause>({ holdMs, answerMs: handshakeTimeoutMs }, movesPerSecond);
  /** What is to be told of a session that was taken over, and does not go on yet. */
  const arriving = new WeakMap<Tunnel, Next['settled']>();
  let held = 0;
  let heldBytes = 0;
  let closed = false;

  async function rehome(tunnel: Tunnel, request: ResumeRequest, cause: 'planned' | 'crash'): Promise<void> {
    const startedAt = performance.now();
    // The one that had just taken it over is gone as well.
    arriving.get(tunnel)?.(false);
    const from = tunnel.info.member;
    if (cause === 'planned') fleet.leaves(from.target);
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

  /** Looks for a target that goes on: another one first, then the successor of the one that is gone, which may have its address. */
  function findNext(tunnel: Tunnel, request: ResumeRequest, from: Member): Promise<Next | FallbackCause> {
    const { info } = tunnel;
    const asking = recallRequest(tunnel.client.socket, request.url, request.headers);
    // An edited router may route that path elsewhere; the session stays with its product.
    const destination = { entry: undefined, product: success(info.product) };
    return searches.find({
      product: from.product,
      from,
      over: () => whyOver(tunnel),
      async members() {
        const route = await resolve(asking, destination, info.uid, context.hooks(), context);
        return route.ok ? route.value.members : membersWithoutRoute(from);
      },
      choose: (members, tried) => nextMember(tunnel, members, tried),
      ask: (member, timeoutMs, abandoned) => ask(tunnel, request, member, timeoutMs, abandoned),
    });
  }

  function whyOver(tunnel: Tunnel): FallbackCause | undefined {
    const { destroyed, readableEnded } = tunnel.client.socket;
    if (destroyed || readableEnded) return 'client gone';
    return closed || tunnel.isOver ? 'stopping' : undefined;
  }

  function nextMember({ info }: Tunnel, members: readonly Member[], tried: ReadonlySet<Member>): Member | undefined {
    const { policy } = info.member.product;
    const { slowStartMs } = fleet.health;
    const client = {
      product: info.product,
      key: clientKey(info.uid, info.address),
      tried,
      now: Date.now(),
      slowStartMs,
    };
    // Where none wants new clients a session needs a place all the same.
    return choose(members, policy, client) ?? members.find((member) => !tried.has(member));
  }

  async function ask(
    tunnel: Tunnel,
    { path, headers, key }: ResumeRequest,
    member: Member,
    timeoutMs: number,
    abandoned: AbortSignal,
  ): Promise<Said<FallbackCause>> {
    const { resumable, info } = tunnel;
    const marks = resumable?.marks.write() ?? '';
    const own = [
      ...writer.ofIdentity({ uid: info.uid, product: info.product }, info.id, member.target),
      ...[canMigrateHeader, '1', sessionTokenHeader, resumable?.token ?? ''],
      ...(marks === '' ? [] : [lastPositionsHeader, marks]),
    ];
    const upstream = await openUpstream({
      target: member.target,
      request: writeRequestHead('GET', path, writeHost(headers, member.target) + writeHeaders(own)),
      key,
      connectTimeoutMs: Math.min(connectTimeoutMs, timeoutMs),
      timeoutMs,
      client: tunnel.client.socket,
      abandoned,
    });
    if (!upstream.ok) {
      const { code } = upstream.failure;
      if (code === 'client_gone') return { nobody: 'client gone' };
      return code === 'target_unreachable' || code === 'target_silent' ? 'gone' : 'refused';
    }
    const said = saidBy(upstream.value);
    if (said !== upstream.value) upstream.value.socket.destroy();
    return said;
  }

  function join(tunnel: Tunnel, { upstream, member, settled }: Next, onGoing: () => void): void {
    const { socket, head, early } = upstream;
    const { info, resumable } = tunnel;
    // It has been counted as closed already.
    if (tunnel.isOver) {
      socket.destroy();
      settled(false);
      return;
    }
    info.member.tunnels--;
    member.tunnels++;
    info.member = member;
    if (resumable !== undefined) resumable.token = headerOf(head, sessionTokenHeader) ?? '';
    // Whatever becomes of it, its turn ends.
    const late = setTimeout(settled, lateMs, false).unref();
    arriving.set(tunnel, settled);
    const isJoined = tunnel.rejoin(socket, early, skipOf(head) ?? 0, () => {
      clearTimeout(late);
      settled(true);
      onGoing();
    });
    if (!isJoined) settled(false);
  }

  return {
    get held() {
      return held;
    },
    resumable({ head }, request) {
      const token = headerOf(head, sessionTokenHeader);
      // What was compressed with what came before cannot be read by another target.
      if (!enabled || !token || headerOf(head, 'sec-websocket-extensions') !== undefined) return undefined;
      return {
        token,
        marks: new ResumeMarks(),
        frameBytes,
        onLost: (tunnel, cause) => {
          rehome(tunnel, request, cause).catch((error: unknown) => {
            context.log.error({ err: error }, 'migrating a session failed');
            tunnel.destroy('cut');
          });
        },
        onCut: (tunnel) => events.fellBack(tunnel, tunnel.info.member, 'half a frame'),
      };
    },
    close() {
      closed = true;
      searches.close();
    },
  };
}

/** What a target's answer to `x-gopush-resume` means. */
function saidBy(upstream: Upstream): Said<FallbackCause> {
  const { head, body } = upstream;
  if (body === undefined && skipOf(head) !== undefined) return upstream;
  // It has begun a new session, which its client knows nothing of.
  if (body === undefined) return 'refused';
  if (headerOf(head, 'x-gopush-error') === 'session_unknown') return { nobody: 'unknown' };
  // It may be one that stops as well, or cannot reach its store just now.
  return head.status >= 500 ? 'refused' : { nobody: 'refused' };
}

/** Where a session may go while hooks fail: of a function only what it named for this client, and not what it named for another. */
function membersWithoutRoute(from: Member): readonly Member[] {
  return from.product.byFunction ? [from] : from.product.current;
}

/** How many of the first frames are not for the client. */
function skipOf(head: AnswerHead): number | undefined {
  const text = headerOf(head, skipFramesHeader) ?? '';
  const skip = Number(text);
  // 0: a target that says nothing first.
  return /^\d{1,5}$/.test(text) && skip <= maxSkip ? skip : undefined;
}

/** More openings than any target has. */
const maxSkip = 10_000;
