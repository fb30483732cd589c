export * from '@gopush/client';
