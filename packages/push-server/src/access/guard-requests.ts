import type { Server as HttpServer } from 'node:http';
import type { Config, Failure, FailureCode } from '@gopush/contract';
import { createLimitedWarning, type Logger, refuseBadRequests, useOriginForm } from '@gopush/service';
import type { Server } from 'socket.io';
import { logFailure } from '../hook/log-failure.ts';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { guardPages } from './guard-pages.ts';
import { guardSessions } from './guard-sessions.ts';
import type { IdentityCheck } from './identity-check.ts';

/** The servers that are guarded, and what guards them. */
export interface GuardedServers {
  readonly http: HttpServer;
  readonly io: Server;
  readonly config: Config;
  readonly isBelieved: IdentityCheck;
  /** Called with the reason of each refusal. */
  readonly onRefused: (code: FailureCode) => void;
  readonly log: Logger;
}

/**
 * Guards the servers against requests of pages of other origins, for sessions of others, and malformed ones. Must be called after everything else
 * listens to the HTTP server.
 */
export function guardRequests({ http, io, config, isBelieved, onRefused, log }: GuardedServers): void {
  const onSessionRefused = (failure: Failure): void => {
    onRefused(failure.code);
    logFailure(failure, log);
  };
  guardSessions(io, { isBelieved, allowEIO3: config.pushServer.allowEIO3, onRefused: onSessionRefused, log });
  const warnOfPage = createLimitedWarning(log);
  guardPages(http, config, ({ code, detail }) => {
    onRefused(code);
    warnOfPage({ code, detail }, 'a page that connects without an agent was refused');
  });
  refuseBadRequests(http, (socket, code) => {
    onRefused(code);
    refuseUpgrade(socket.resume(), { code });
  });
  // After the gate, which needs the URL as it came.
  useOriginForm(http);
}
