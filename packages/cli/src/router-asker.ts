/** Calls the function of a router: the other half of {@link askRouterApart}. */
import { type AskedRouter, askRouter } from '@gopush/agent/for-routes';
import type { RouterMessage } from './ask-router-apart.ts';

process.once('message', async (question: AskedRouter) => {
  const asked = await askRouter(question).catch((error: Error) => error.message);
  process.send?.({ asked } satisfies RouterMessage);
});
