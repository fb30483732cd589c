import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  answerExpectations,
  closeAfter,
  refuseBadRequests,
  serveUpgrades,
  type UpgradeListener,
  useOriginForm,
} from '@gopush/service';
import { AppRequest, AppResponse } from '../hooks/app-messages.ts';
import { type Front, openFront } from '../listen/front.ts';
import { serverOptions } from '../listen/server-options.ts';
import { AgentRequest } from '../request/agent-request.ts';
import { hasBody } from '../request/request-framing.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { handleRequest } from '../serve/handle-request.ts';
import { handleUpgrade } from '../serve/handle-upgrade.ts';
import { inTurn } from '../serve/in-turn.ts';
import { rejectRequest } from '../serve/reject-request.ts';
import { rejectConnection } from '../serve/reject-upgrade.ts';

/**
 * Makes the server for clients, with all that serves them; it does not listen yet.
 *
 * @param dir - what the files of the certificate are seen from
 */
export async function openAgentFront(context: AgentContext, dir: string): Promise<Front> {
  const { agent } = context.config;
  // A hook that becomes an app by an edit gets what Express makes of the others: slower, and no less right.
  const messages =
    context.hooks().http.kind === 'app'
      ? { IncomingMessage: AppRequest, ServerResponse: AppResponse as typeof ServerResponse }
      : { IncomingMessage: AgentRequest };
  const { connections } = context.limits;
  const arrivals = {
    onClient: (socket: Socket) => connections.admit(socket),
    onWaiting: (socket: Socket) => connections.arrive(socket),
  };
  const front = await openFront(context.config, dir, arrivals, context.log, {
    ...messages,
    ...serverOptions(context.config),
  });
  const { server } = front;
  // Beyond a number Node leaves headers out without a word; how many there may be is checked with the request.
  server.maxHeadersCount = 0;
  closeAfter(server, agent.requestsPerConnection);
  answerExpectations(server);
  const { fault } = context.observer;
  /** An answer that two wrote, as a hook and a target, cannot be gone on with. */
  const onAnswerError = function (this: ServerResponse, error: Error): void {
    fault(error);
    this.destroy();
  };
  server.on('request', (request: AgentRequest, response) => {
    response.on('error', onAnswerError);
    connections.serves(request.socket, response);
    if (hasBody(request)) context.readBodies.keep(request);
    inTurn(request, response, () => {
      handleRequest(request, response, context).catch((error: unknown) => {
        fault(error);
        if (response.headersSent) response.destroy();
        else rejectRequest(response, { code: 'internal' }, '', context.pages);
      });
    });
  });
  const onWebSocket: UpgradeListener = (request, socket, head) => {
    handleUpgrade(request as AgentRequest, socket as Socket, head, context).catch((error: unknown) => {
      fault(error);
      socket.destroy();
    });
  };
  server.on('upgrade', serveUpgrades(server, onWebSocket));
  useOriginForm(server);
  refuseBadRequests(server, (socket, code) => {
    context.observer.connectionFailed(code);
    rejectConnection(socket, code);
  });
  return front;
}
