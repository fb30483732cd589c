import { identityHeaderPrefix, requestIdHeader, vouchHeader } from '@gopush/contract';
import { foldName } from '../wire/field.ts';

/**
 * Whether a header is one that clients may not send to targets, because targets believe that agents have written it.
 *
 * @param given - its name in lower case, under any spelling that a target may take for the same
 */
export function isReserved(given: string): boolean {
  const name = foldName(given);
  return (
    name.startsWith(identityHeaderPrefix) ||
    name === vouchHeader ||
    name.startsWith('x-forwarded-') ||
    name === 'x-forwarded' ||
    name === 'forwarded' ||
    name.startsWith('forwarded-') ||
    name === 'x-real-ip' ||
    name === requestIdHeader ||
    // Handled on this connection, by Node.
    name === 'expect' ||
    // CGI makes it the setting of a server that names the proxy for its requests (CVE-2016-5385).
    name === 'proxy' ||
    // Under another spelling it frames the body, for a target that takes it for the same.
    (name !== given && framing.has(name))
  );
}

/** Headers that frame a message. */
const framing: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
