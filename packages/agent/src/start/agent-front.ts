import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  closeAfter,
  handleExpectations,
  refuseBadRequests,
  serveUpgrades,
  shareSocketShapes,
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
import { inTurn } from '../serve/in-turn.ts';
import { rejectRequest } from '../serve/reject-request.ts';
import { handleUpgrade } from '../serve/upgrade/handle-upgrade.ts';
import { rejectConnection } from '../serve/upgrade/reject-upgrade.ts';

/**
 * Makes the server for clients, with all that serves them; it does not listen yet.
 *
 * @param dir - the folder that paths of certificates are relative to
 */
export async function openAgentFront(context: AgentContext, dir: string): Promise<Front> {
  const { agent } = context.config;
  // A hook that an edit makes an app gets messages with swapped prototypes, as Express makes them: slower, but correct.
  const messages =
    context.hooks().http.kind === 'app'
      ? { IncomingMessage: AppRequest, ServerResponse: AppResponse as typeof ServerResponse }
      : { IncomingMessage: AgentRequest };
  const { connections } = context.limits;
  const arrivals = {
    onClient: (socket: Socket) => connections.admit(socket),
    onWaiting: (socket: Socket) => connections.arrive(socket),
  };
  const { config, log } = context;
  shareSocketShapes();
  const front = await openFront({ config, dir, arrivals, log, server: { ...messages, ...serverOptions(config) } });
  const { server } = front;
  // Beyond a number Node drops headers silently; their number is checked with the request.
  server.maxHeadersCount = 0;
  closeAfter(server, agent.requestsPerConnection);
  handleExpectations(server);
  const { fault } = context.observer;
  /** Ends a response that two have written, as a hook and a target. */
  const onResponseError = function (this: ServerResponse, error: Error): void {
    fault(error);
    this.destroy();
  };
  server.on('request', (request: AgentRequest, response) => {
    response.on('error', onResponseError);
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
