/** What `gopush route` needs of the agent, to call a function of a router. Its process loads this alone, not all that serves clients. */

export { type AskedRouter, askRouter, type RouterClient } from './route/ask-router.ts';
export type { ExplainedChoice } from './route/explain-choice.ts';
