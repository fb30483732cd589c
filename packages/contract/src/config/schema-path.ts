import { z } from 'zod';
import { isForApi } from '../api-key.ts';

/** Segments of characters that nobody escapes in a URL (RFC 3986 section 2.3), of which none is `.` or `..`, which browsers take away. */
const segments = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;

const longest = 128;

const error = `a path as '/socket.io': a slash before each part, letters, digits and - . _ ~ in it, ${longest} characters at most`;

/** Where Socket.IO is. A slash at the end does not count, as with Socket.IO itself. */
export const path = (byDefault: string) =>
  z
    .string()
    .default(byDefault)
    .transform((given, context) => {
      const name = given.replace(/(?<=.)\/$/, '');
      if (name.length > longest || !segments.test(name)) context.addIssue({ code: 'custom', message: error });
      // All that is below it goes to Socket.IO.
      else if (name === '/api' || isForApi(name))
        context.addIssue({ code: 'custom', message: "another path than that of the HTTP API ('/api/v1')" });
      return name;
    });
