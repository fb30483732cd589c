export { type Agent, type AgentOptions, startAgent } from './agent.ts';
export { checkHooks } from './hooks/check-hooks.ts';
