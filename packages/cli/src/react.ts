export * from '@gopush/client/react';
