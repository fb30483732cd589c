import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { AgentRequest } from '../../src/request/agent-request.ts';
import { createReadBodies, type ReadBodies } from '../../src/request/read-body.ts';

const megabyte = Buffer.alloc(1_048_576);

/** A request of which this much has come. */
function requestWith(bodies: ReadBodies, begin: boolean, chunk = megabyte): AgentRequest {
  const request = new AgentRequest(new Socket());
  bodies.keep(request);
  if (begin) request.readBody?.begin();
  request.push(chunk);
  return request;
}

const codeOf = ({ readBody }: AgentRequest): string | undefined => {
  const result = readBody?.failure;
  return result === undefined || result.ok ? undefined : result.failure.code;
};

test('all bodies that hooks read at a time are bounded, and make room for others when they are let go', () => {
  const bodies = createReadBodies(megabyte.length);
  const requests = Array.from({ length: 65 }, () => requestWith(bodies, true));
  expect(requests.slice(0, 64).map(codeOf)).toEqual(new Array(64).fill(undefined));
  expect(codeOf(requests[64] as AgentRequest)).toBe('overloaded');
  for (const request of requests) request.readBody?.letGo();
  expect(codeOf(requestWith(bodies, true))).toBeUndefined();
});

test('requests that are never served take no room from others', () => {
  const bodies = createReadBodies(megabyte.length);
  for (let count = 0; count < 70; count++) requestWith(bodies, false);
  const served = requestWith(bodies, false);
  served.readBody?.begin();
  expect(codeOf(served)).toBeUndefined();
});

test('a body that is sent on makes room at once, and comes whole', () => {
  const bodies = createReadBodies(megabyte.length);
  for (let count = 0; count < 200; count++) {
    const request = requestWith(bodies, true, Buffer.from('x'));
    for (let more = 0; more < 200; more++) request.push(Buffer.from('y'));
    let text = '';
    let ended = false;
    request.readBody?.sendTo(
      (chunk) => {
        text += chunk;
      },
      () => {
        ended = true;
      },
    );
    request.push(Buffer.from('z'));
    request.push(null);
    expect([text, ended]).toEqual([`x${'y'.repeat(200)}z`, true]);
  }
});
