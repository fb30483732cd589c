import { expect, test } from 'vitest';
import { EventForms } from '../../src/emit/event-forms.ts';

const packets = ['2["news",1]'];
const frame = [Buffer.from([0x81, 12]), Buffer.from('42["news",1]')];

test('over long-polling the position follows as an event of its own, and what is written is made once for all clients', () => {
  const forms = new EventForms('a.7~', '/');
  const parts = forms.partsFor(false, false, packets, { volatile: true, compress: true, forms });
  expect(parts).toEqual([
    { packets, options: { compress: true } },
    { packets: ['2["go:mark","a.7~"]'], options: { compress: false } },
  ]);
  expect(forms.partsFor(false, false, packets, {})).toBe(parts);
});

test('over a WebSocket the frame of the event and that of its position leave in one piece', () => {
  const forms = new EventForms('a.7~', '/');
  const [part, ...others] = forms.partsFor(false, true, packets, { wsPreEncodedFrame: frame });
  const text = '42["go:mark","a.7~"]';
  expect(others).toEqual([]);
  expect(part?.packets).toBe(packets);
  expect(part?.options.wsPreEncodedFrame).toEqual([
    Buffer.concat([...frame, Buffer.from([0x81, text.length]), Buffer.from(text)]),
  ]);
});

test.each([
  [100, 4],
  [70_000, 10],
])('a frame whose namespace has a long name has a long header: %i', (length, header) => {
  const namespace = `/${'n'.repeat(length)}`;
  const forms = new EventForms('a.7~', namespace);
  const [part] = forms.partsFor(false, true, packets, { wsPreEncodedFrame: [Buffer.alloc(0)] });
  const [joined] = part?.options.wsPreEncodedFrame ?? [];
  const text = `42${namespace},["go:mark","a.7~"]`;
  const headerLength = text.length < 126 ? 2 : header;
  expect(joined?.subarray(headerLength).toString()).toBe(text);
  expect(joined?.length).toBe(headerLength + text.length);
});

test('a client that asks for positions gets the event encoded with further arguments, which is done once', () => {
  let count = 0;
  const forms = new EventForms('a.7~', '/', () => [`2["news",1,"a.7~"]${count++}`]);
  const parts = forms.partsFor(true, true, packets, { wsPreEncodedFrame: frame, compress: false });
  expect(parts).toEqual([{ packets: ['2["news",1,"a.7~"]0'], options: { compress: false } }]);
  expect(forms.partsFor(true, false, packets, {})).toBe(parts);
});

test('an event without a position has nothing behind it', () => {
  const forms = new EventForms(undefined, '/', () => ['2["news",1,{}]']);
  expect(forms.partsFor(false, true, packets, { wsPreEncodedFrame: frame })).toEqual([
    { packets, options: { wsPreEncodedFrame: frame } },
  ]);
  expect([new EventForms('a.1~', '/').isForAgents, new EventForms('a.1~', '/chat').isForAgents]).toEqual([false, true]);
});
