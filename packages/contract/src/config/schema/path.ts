import { z } from 'zod';
import { isForApi } from '../../identity/api-key.ts';

/** Segments of unreserved characters (RFC 3986 section 2.3). None is `.` or `..`: browsers remove those. */
const segments = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;

const longest = 128;

const error = `a path such as '/socket.io': a slash before each segment, letters, digits and - . _ ~ in it, at most ${longest} characters`;

/** The path of Socket.IO. A trailing slash is ignored, as Socket.IO does. */
export const path = (byDefault: string) =>
  z
    .string()
    .default(byDefault)
    .transform((given, context) => {
      const name = given.replace(/(?<=.)\/$/, '');
      if (name.length > longest || !segments.test(name)) context.addIssue({ code: 'custom', message: error });
      // Socket.IO gets every request below its path.
      else if (name === '/api' || isForApi(name))
        context.addIssue({ code: 'custom', message: "a path other than that of the HTTP API ('/api/v1')" });
      return name;
    });
