import { expect, test } from 'vitest';
import { GivePace } from '../../../src/migration/give/give-pace.ts';

test('nodes that take sessions swiftly are given more and more at a time, up to a bound', () => {
  const pace = new GivePace(() => 10_000);
  expect(pace.size).toBe(32);
  for (let count = 0; count < 8; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(40);
  for (let count = 0; count < 1_000; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(256);
});

test('where taking takes more than two thirds of the time, the number grows by one with each round', () => {
  const pace = new GivePace(() => 10_000);
  for (let count = 0; count < 8; count++) pace.took(100, true, 0);
  expect(pace.size).toBe(40);
  for (let count = 0; count < 41; count++) pace.took(101, true, 0);
  expect(pace.size).toBe(41);
});

test('the number grows only where it is used up', () => {
  const pace = new GivePace(() => 100);
  for (let count = 0; count < 100; count++) pace.took(20, false, 0);
  expect(pace.size).toBe(8);
  pace.took(20, true, 0);
  expect(pace.size).toBe(9);
});

test('nodes that are slow are given less, once for all sessions that were under way together', () => {
  const pace = new GivePace(() => 10_000);
  for (let count = 0; count < 58; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(90);
  for (let count = 0; count < 90; count++) pace.took(400, true, 1_000 + count);
  expect(pace.size).toBe(60);
  // From then on it grows by one with each round.
  for (let count = 0; count < 61; count++) pace.took(20, true, 2_000);
  expect(pace.size).toBe(61);
});

test('of few sessions fewer are given at a time, so that each client waits shorter', () => {
  let sessions = 10_000;
  const pace = new GivePace(() => sessions);
  for (let count = 0; count < 20; count++) pace.took(70, true, count * 1_000);
  expect(pace.size).toBe(52);
  sessions = 100;
  for (let count = 20; count < 40; count++) pace.took(100, true, count * 1_000);
  expect(pace.size).toBe(8);
  expect(new GivePace(() => 100).size).toBe(8);
});

test('however slow nodes are, several sessions are given at a time', () => {
  const pace = new GivePace(() => 10_000);
  for (let count = 0; count < 50; count++) pace.took(1_000, true, count * 2_000);
  expect(pace.size).toBe(32);
});

test('a session is waited for longer while there are many', () => {
  let sessions = 201;
  const pace = new GivePace(() => sessions);
  expect(pace.takeMs).toBe(1_000);
  sessions = 200;
  expect(pace.takeMs).toBe(300);
});
