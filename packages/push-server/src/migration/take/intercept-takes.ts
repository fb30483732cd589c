import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { sessionTokenHeader } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { holdUpgradeResponse } from '@gopush/slim-socket-io';
import { refuseUpgrade } from '../../http/refuse-upgrade.ts';
import { forgetSid, interceptUpgrades, type Upgrade } from '../client/engine-connection.ts';
import type { Arrivals } from './arrivals.ts';
import type { TakenSession } from './take-session.ts';

/** `draining`: sessions are being given, and none is taken; `drained`: all were given, and the node stops. */
export type Phase = 'serving' | 'draining' | 'drained';

/** What taking sessions from upgrade requests needs. */
export interface InterceptTakesOptions {
  readonly http: HttpServer;
  readonly arrivals: Arrivals;
  readonly phase: () => Phase;
  /**
   * Takes the session of a request. Resolves with `undefined` if it cannot be continued, rejects if the store is
   * down.
   */
  readonly take: (request: IncomingMessage, token: string) => Promise<TakenSession | undefined>;
  readonly log: Logger;
}

/**
 * For how long a response is held at most, in milliseconds: most sessions are in their namespaces before that, so that all leaves in one write.
 */
const answerMs = 20;

/** Why an upgrade is refused here. */
type Refusal = 'session_unknown' | 'not_durable' | 'stopping';

/** Has upgrades that continue a session wait until it is taken, and refuses all once this node is drained. */
export function interceptTakes(options: InterceptTakesOptions): void {
  interceptUpgrades(options.http, (upgrade, pass) => {
    const { request, socket } = upgrade;
    const token = request.headers[sessionTokenHeader];
    const verdict = judgeUpgrade(typeof token === 'string', options.phase());
    if (verdict === 'pass') return pass(upgrade);
    socket.on('error', () => {});
    if (verdict === 'stopping') return refuseUpgrade(socket, { code: verdict });
    void takeUpgrade(upgrade, token as string, options).then((refusal) => {
      if (refusal !== undefined) {
        refuseUpgrade(socket, { code: refusal });
        return;
      }
      holdUpgradeResponse(socket, answerMs);
      pass(upgrade);
    });
  });
}

/** What becomes of an upgrade. @param takes - whether it continues a session */
export function judgeUpgrade(takes: boolean, phase: Phase): 'pass' | 'take' | 'stopping' {
  // It came on a connection that was accepted before; nothing would end what came of it.
  if (phase === 'drained') return 'stopping';
  if (!takes) return 'pass';
  // Another node can take it.
  return phase === 'serving' ? 'take' : 'stopping';
}

/** Takes the session of an upgrade. @returns why it is refused */
async function takeUpgrade(
  { request, socket }: Upgrade,
  token: string,
  { arrivals, phase, take, log }: InterceptTakesOptions,
): Promise<Refusal | undefined> {
  arrivals.begin(socket);
  try {
    const taken = await take(request, token);
    if (taken === undefined) return 'session_unknown';
    if (phase() === 'drained') return 'stopping';
    // Its agent asks again, when the session can be taken from the first connection.
    if (!arrivals.continue(request, socket, taken)) return 'not_durable';
    forgetSid(request);
    return undefined;
  } catch (error) {
    log.warn({ err: error }, 'a session cannot be looked up');
    return 'not_durable';
  }
}
