export { type CheckedAgentHooks, checkHooks, type ListedTarget } from './hooks/check-hooks.ts';
export { CertificateError } from './listen/certificate-error.ts';
export { type Certificate, loadCertificate, type TlsConfig } from './listen/load-certificate.ts';
export { type Agent, type AgentOptions, startAgent } from './start/start-agent.ts';
export { connectTarget, readyEvent } from './target/connect-target.ts';
