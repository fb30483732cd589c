/**
 * Whether a page of this origin may connect. Browsers send cookies with cross-site WebSocket handshakes and apply no CORS to
 * them, so the server has to look (RFC 6455 section 10.2). No Origin means no browser.
 *
 * @param origin - the `Origin` header
 * @param host - the `Host` header: pages of the gateway's own host may always connect
 * @param allowed - further origins; `*` is any
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  // Without the scheme: TLS may end in front of us.
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match !== null && host !== undefined && withoutDefaultPort(match[1]) === withoutDefaultPort(host);
}

function withoutDefaultPort(host: string | undefined): string | undefined {
  return host?.toLowerCase().replace(/:(80|443)$/, '');
}
