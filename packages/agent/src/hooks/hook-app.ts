import type { ServerResponse } from 'node:http';
import type { AgentAppHook } from '@gopush/contract';
import { requireOnDemand } from '@gopush/service';
import type { RequestHandler } from 'express';
import type { AgentRequest } from '../request/agent-request.ts';
import { giveBack, lend, loadExpress, takeAsTheyCome } from './app-messages.ts';
import { takesRequest } from './takes-request.ts';

const require = requireOnDemand(import.meta.url);

/** How a run of an app hook ended. */
export type AppOutcome =
  | { readonly kind: 'passed'; readonly uid: unknown }
  | { readonly kind: 'responded' }
  | { readonly kind: 'threw'; readonly cause: unknown };

/** Runs the middlewares of an app hook on a request; resolves when they pass it on, respond or fail. */
export type HookApp = (request: AgentRequest, response: ServerResponse) => Promise<AppOutcome>;

/**
 * An Express app with cookie-parser, as hooks of gopush 0.1 expect it, with what the hook mounts on it.
 *
 * @param unsure - whether the hook may turn out to be a function of the request instead
 * @returns `undefined` if it did
 */
export function createHookApp(hook: AgentAppHook, unsure: boolean): HookApp | undefined {
  const cookieParser = require('cookie-parser') as typeof import('cookie-parser');
  const app = loadExpress()();
  app.disable('x-powered-by');
  takeAsTheyCome(app);
  app.use(cookieParser());
  // An app, a router or a middleware itself: no other kind of hook has three arguments.
  if (hook.length >= 3) app.use(hook as unknown as RequestHandler);
  else if (!unsure) hook(app);
  else if (takesRequest(hook as (argument: object) => unknown, app)) return undefined;
  return (request, response) =>
    new Promise((resolve) => {
      lend(request as object, response as object, app);
      const responded = (): void => resolve({ kind: 'responded' });
      response.once('close', responded);
      const passed = (error?: unknown): void => {
        response.off('close', responded);
        giveBack(response);
        if (error !== undefined && error !== null) resolve({ kind: 'threw', cause: error });
        else resolve(uidIn(response));
      };
      // Express calls the third argument when no middleware has responded; its types omit it.
      (app as unknown as (req: object, res: object, next: (error?: unknown) => void) => void)(
        request,
        response,
        passed,
      );
    });
}

function uidIn(response: ServerResponse & { locals?: { uid?: unknown } }): AppOutcome {
  try {
    return { kind: 'passed', uid: response.locals?.uid };
  } catch (cause) {
    return { kind: 'threw', cause };
  }
}
