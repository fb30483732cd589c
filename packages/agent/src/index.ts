export { type Agent, type AgentOptions, startAgent } from './agent.ts';
export { type CheckedAgentHooks, checkHooks, type ListedTarget } from './hooks/check-hooks.ts';
export { CertificateError } from './listen/certificate-error.ts';
export { type Certificate, loadCertificate, type TlsConfig } from './listen/load-certificate.ts';
export { connectTarget, readyEvent } from './proxy/connect-target.ts';
