import { perSecond } from '@gopush/service';
import { expect, test } from 'vitest';
import { PatientBucket } from '../../src/limits/patient-bucket.ts';

/** Takes several at once. @returns how many were let through */
function takeMany(bucket: PatientBucket, count: number, now: number): number {
  return Array.from({ length: count }, () => bucket.take(now)).filter(Boolean).length;
}

test('a client is spent when it goes on sending for five seconds although it is refused', () => {
  const bucket = new PatientBucket(perSecond(10), 0);
  expect([takeMany(bucket, 60, 0), bucket.isSpent]).toEqual([10, false]);
  expect([takeMany(bucket, 1, 0), bucket.isSpent]).toEqual([0, true]);
});

test('a pause in which the bucket fills makes up for what was refused, a shorter one does not', () => {
  const bucket = new PatientBucket(perSecond(10), 0);
  takeMany(bucket, 60, 0);
  expect([takeMany(bucket, 11, 999), bucket.isSpent]).toEqual([9, true]);
  const other = new PatientBucket(perSecond(10), 0);
  takeMany(other, 60, 0);
  expect([takeMany(other, 11, 1_000), other.isSpent]).toEqual([10, false]);
});
