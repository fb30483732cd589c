/** What `gopush check` needs of the agent. Its process loads this alone, not all that serves clients. */
export { whyNoHandOffs } from './hand-off/why-no-hand-offs.ts';
export { type CheckedAgentHooks, checkHooks, type ListedTarget } from './hooks/check-hooks.ts';
export { CertificateError } from './listen/certificate-error.ts';
export { type Certificate, loadCertificate, type TlsConfig } from './listen/load-certificate.ts';
export { connectTarget, readyEvent } from './target/connect-target.ts';
