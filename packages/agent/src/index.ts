export { type Agent, type AgentOptions, startAgent } from './agent.ts';
export { type CheckedHook, checkHooks } from './hooks/check-hooks.ts';
export type { HookLocation } from './hooks/find-hook-files.ts';
export { HookError } from './hooks/hook-error.ts';
export { CertificateError } from './listen/certificate-error.ts';
export { type Certificate, loadCertificate, type TlsConfig } from './listen/load-certificate.ts';
