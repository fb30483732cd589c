import type { ComponentChildren } from 'preact';
import type { Node } from './use-act.ts';

/** Names of this machine alone. */
const loopback = /^(localhost|127\.|\[::1\])/;

/**
 * A link to the page of a node. Plain text if its admin listener cannot be reached from here: its URL is one that its own machine knows, and if
 * it is a loopback address, it leads there only if this page came by one as well.
 */
export function PageLink({ node, children }: { readonly node: Node; readonly children: ComponentChildren }) {
  const url = pageOf(node);
  return url === undefined ? (
    children
  ) : (
    <a href={url} rel="noreferrer">
      {children}
    </a>
  );
}

function pageOf({ adminUrl = '' }: Node): string | undefined {
  // What other nodes tell may be any text: `javascript:` must lead nowhere.
  const url = URL.canParse(adminUrl) ? new URL(adminUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return loopback.test(url.hostname) && !loopback.test(location.hostname) ? undefined : url.href;
}
