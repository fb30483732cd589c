export { CertificateError } from './listen/certificate-error.ts';
export { type Agent, type AgentOptions, startAgent } from './start/start-agent.ts';
